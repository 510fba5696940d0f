import { z } from "zod";
import { CHECK_TYPES } from "#contracts";
import type { SourceDocument } from "./parse-yaml.js";
import { probeConfigSchema, targetSchema } from "./schema.js";
import { suggest } from "./suggest.js";

/** Every problem as one line: where it is, what is wrong, and what was perhaps meant. */
export function describeIssues(
  issues: readonly z.core.$ZodIssue[],
  source: SourceDocument,
): readonly string[] {
  return issues.flatMap((issue) => {
    if (issue.code === "unrecognized_keys") {
      const known = keysAt(issue.path, source);
      return issue.keys.map((key) => {
        const meant = suggest(key, known);
        const hint =
          meant === null ? `known here: ${known.join(", ")}` : `did you mean "${meant}"?`;
        return source.locate([...issue.path, key], `unknown key; ${hint}`);
      });
    }
    if (issue.code === "invalid_union" && issue.path.at(-1) === "check") {
      return [source.locate(issue.path, `must be one of ${CHECK_TYPES.join(", ")}`)];
    }
    return [source.locate(issue.path, issue.message)];
  });
}

/** The keys that may stand at a path of the document. */
function keysAt(path: readonly PropertyKey[], source: SourceDocument): readonly string[] {
  let schema: unknown = probeConfigSchema;
  let value: unknown = source.value;
  for (const key of path) {
    value = (value as Record<PropertyKey, unknown> | null | undefined)?.[key];
    schema = typeof key === "number" ? elementOf(schema) : shapeOf(schema)[String(key)];
    schema = unwrap(schema);
    if (schema === targetSchema) schema = targetVariant(value);
  }
  return Object.keys(shapeOf(schema));
}

function unwrap(schema: unknown): unknown {
  return schema instanceof z.ZodOptional ? unwrap(schema.unwrap()) : schema;
}

function elementOf(schema: unknown): unknown {
  return schema instanceof z.ZodArray ? schema.element : undefined;
}

function shapeOf(schema: unknown): Readonly<Record<string, unknown>> {
  return schema instanceof z.ZodObject ? schema.shape : {};
}

function targetVariant(value: unknown): unknown {
  const check = (value as { readonly check?: unknown } | null | undefined)?.check;
  return targetSchema.options.find((option) => option.shape.check.value === check);
}
