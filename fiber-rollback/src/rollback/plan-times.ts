import type { StepTimings } from "./plan-facts.js";

/** What steps take on an ordinary machine, ms; used until a run has measured them. */
const USUAL_MS: Readonly<Record<string, number>> = {
  preflight: 1_500,
  gates: 300_000,
  artefact: 500,
  maintenance: 200,
  backup: 10_000,
  fence: 300,
  "restore-point": 2_000,
  "stop-writer": 1_000,
  migrate: 1_000,
  downgrade: 1_000,
  recover: 60_000,
  beside: 30_000,
  carry: 5_000,
  swap: 2_000,
  switch: 5_000,
  lift: 200,
  verify: 45_000,
  record: 200,
  "end-maintenance": 200,
  report: 500,
};
/** A build from nothing: packages and two compilers. */
const BUILD_MS = 120_000;
/** Restoring reads and writes about this many bytes a second. */
const RESTORE_BYTES_PER_S = 20_000_000;
/** What a switch with overlap leaves unanswered at most. */
const OVERLAP_GAP_MS = 100;

/** What a run is expected to take. */
interface PlannedTimes {
  readonly outage: { readonly readsMs: number; readonly ingestMs: number; readonly basis: string };
  readonly estimate: { readonly ms: number; readonly basis: string };
}

/**
 * Expected duration and outages of a run, from what its steps took last time, else from what they
 * usually take.
 *
 * @param facts `builds`: the artefact has to be built; `sizeBytes`: of the database that is restored
 */
export function planTimes(
  steps: readonly string[],
  timings: StepTimings,
  facts: { readonly overlap: boolean; readonly builds: boolean; readonly sizeBytes: number },
): PlannedTimes {
  const ofStep = (id: string): number => {
    if (id === "artefact" && facts.builds) return Math.max(BUILD_MS, timings.stepMs[id] ?? 0);
    const usual = USUAL_MS[id] ?? 1_000;
    const bySize = id === "beside" || id === "recover" ? restoreMs(facts.sizeBytes) : usual;
    return Math.round(timings.stepMs[id] ?? bySize);
  };
  const sum = (ids: readonly string[]) => ids.reduce((total, id) => total + ofStep(id), 0);
  const basis = timings.basis ?? "no run has measured it yet: what these steps usually take";
  const readsMs = facts.overlap
    ? OVERLAP_GAP_MS
    : sum(between(steps, "stop-writer", "switch")) || sum(steps.filter((id) => id === "switch"));
  return {
    outage: {
      readsMs,
      ingestMs: steps.includes("fence") ? sum(between(steps, "fence", "lift")) : readsMs,
      basis,
    },
    estimate: { ms: sum(steps), basis },
  };
}

function restoreMs(sizeBytes: number): number {
  return 3_000 + (sizeBytes / RESTORE_BYTES_PER_S) * 1_000;
}

function between(steps: readonly string[], first: string, last: string): readonly string[] {
  const from = steps.indexOf(first);
  const to = steps.indexOf(last);
  return from < 0 || to < from ? [] : steps.slice(from, to + 1);
}
