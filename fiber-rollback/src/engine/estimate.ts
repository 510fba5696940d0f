import type { RunPlan } from "./run-plan.js";
import type { RunRecord, StepRecord } from "./run-record.js";

/** Runs that are looked at: older ones ran on another machine's or version's speed. */
const LATEST = 5;

/**
 * How long steps will take, from the median of the latest runs of that kind in which each was done.
 *
 * @param runs newest first, as `listRuns` returns them
 * @param steps ids of the steps to come
 * @returns milliseconds and the basis in words; 0 and its reason where nothing was run yet
 */
export function estimateFrom(
  runs: readonly RunRecord[],
  kind: RunPlan["kind"],
  steps: readonly string[],
): RunPlan["estimate"] {
  const parts = runs.flatMap((run) => partsOf(run).filter((part) => part.kind === kind));
  const known = steps.map((id) => medianOf(parts.flatMap((part) => durationsOf(part, id))));
  const found = known.filter((ms) => ms !== null);
  const ms = found.reduce((sum, one) => sum + one, 0);
  if (found.length === 0) return { ms: 0, basis: `no ${kind} was run here yet` };
  const unknown = steps.filter((_, index) => known[index] === null);
  const without =
    unknown.length === 0 ? "" : `, without ${unknown.join(", ")}, which never ran here`;
  return { ms, basis: `median of the last ${kind}s' steps${without}` };
}

interface Part {
  readonly kind: RunPlan["kind"];
  readonly steps: readonly StepRecord[];
}

function partsOf({ plan, steps, takenBackBy }: RunRecord): readonly Part[] {
  const back = takenBackBy && { kind: takenBackBy.plan.kind, steps: takenBackBy.steps };
  return [{ kind: plan.kind, steps }, ...(back === undefined ? [] : [back])];
}

function durationsOf({ steps }: Part, id: string): readonly number[] {
  const ms = steps.find((step) => step.id === id && step.state === "done")?.durationMs ?? null;
  return ms === null ? [] : [ms];
}

function medianOf(newestFirst: readonly number[]): number | null {
  const sorted = newestFirst.slice(0, LATEST).sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? null;
}
