import { reportingProbes } from "#db";
import type { BeforeRun, VerifyContext } from "./verify-context.js";

/** How far back a probe must have reported to be awaited, ms. */
export const LOOK_BACK_MS = 15 * 60_000;

type Probe = BeforeRun["probes"][number];

/** The probes that must report again. */
export interface AwaitedProbes {
  /** Null probes: nothing can be told yet, and `why`. Asked again until it can be told. */
  read(): Promise<
    | { readonly probes: readonly Probe[]; readonly why: null }
    | { readonly probes: null; readonly why: string }
  >;
}

/**
 * Every probe that reported in the 15 minutes before the run: those that were seen when it began,
 * and those that the database knows of by now, because probes hand in later what they measured
 * while nobody took it.
 */
export function createAwaitedProbes(context: VerifyContext): AwaitedProbes {
  const { db, before, runStartedMs } = context;
  let fromDatabase: Promise<readonly Probe[]> | null = null;
  return {
    async read() {
      if (db === null) {
        return before === null
          ? { probes: null, why: "there is no database" }
          : { probes: before.probes, why: null };
      }
      try {
        fromDatabase ??= reportingProbes(db, {
          startMs: runStartedMs - LOOK_BACK_MS,
          endMs: runStartedMs,
        });
        const found = await fromDatabase;
        const names = new Set(found.map((probe) => probe.nodeId));
        const others = (before?.probes ?? []).filter((probe) => !names.has(probe.nodeId));
        return { probes: [...found, ...others], why: null };
      } catch (err) {
        fromDatabase = null;
        return before === null
          ? { probes: null, why: (err as Error).message }
          : { probes: before.probes, why: null };
      }
    },
  };
}
