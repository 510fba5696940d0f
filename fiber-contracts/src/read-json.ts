import { PUSH_LIMITS } from "./sample.js";
import type { SampleRefusal } from "./sample-refusal.js";

/** Whether a JSON value is an object (not null, not an array). */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

// A sample's metadata sits three levels deep in an envelope: {metrics: [{metadata: …}]}.
const levelsLeft = PUSH_LIMITS.nesting - 3;

/**
 * What keeps metadata from being stored, or null: it must be an object, nested no deeper than a
 * push may be, and free of what jsonb cannot hold (NUL characters and lone surrogates).
 */
export function findMetadataProblem(metadata: unknown): SampleRefusal | null {
  if (!isRecord(metadata)) return { code: "INVALID_SAMPLE", message: "metadata must be an object" };
  return findValueProblem(metadata, levelsLeft);
}

function findValueProblem(value: unknown, levels: number): SampleRefusal | null {
  if (typeof value === "string") return findTextProblem(value);
  if (typeof value !== "object" || value === null) return null;
  if (levels === 0) {
    return {
      code: "NESTING_TOO_DEEP",
      message: `metadata must not nest deeper than ${levelsLeft} levels`,
    };
  }
  for (const [key, inner] of Object.entries(value)) {
    const problem = findTextProblem(key) ?? findValueProblem(inner, levels - 1);
    if (problem !== null) return problem;
  }
  return null;
}

function findTextProblem(text: string): SampleRefusal | null {
  return /[\0\p{Cs}]/u.test(text)
    ? {
        code: "INVALID_SAMPLE",
        message: "metadata must hold no NUL characters and no broken surrogate pairs",
      }
    : null;
}
