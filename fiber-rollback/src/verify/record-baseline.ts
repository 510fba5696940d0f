import { reportingProbes } from "#db";
import type { ReleaseBaseline } from "../releases/release-record.js";
import { ask } from "./ask.js";
import { statusOf } from "./gates/status-gate.js";
import { readQuantileMs, readRequestCounts } from "./request-counts.js";
import type { VerifyContext } from "./verify-context.js";

/** What a baseline is read from; `apiUrl` null for a project without our API. */
export interface BaselineContext extends Pick<VerifyContext, "token" | "db" | "clock"> {
  readonly apiUrl: string | null;
  readonly signal?: AbortSignal;
}

/** Probes that reported within this time count, ms. */
const REPORTING_MS = 5 * 60_000;

/**
 * Measures the health of the release that is live now, for later rollbacks to compare with: probes
 * reporting per region, ingest lag, share of 5xx answers and p95 of read times since the API
 * started. What cannot be measured is null; nothing is made up.
 */
export async function recordBaseline(context: BaselineContext): Promise<ReleaseBaseline> {
  const { clock } = context;
  const signal = context.signal ?? new AbortController().signal;
  const get = (path: string) =>
    context.apiUrl === null ? null : ask(context.apiUrl + path, context, signal);
  const [status, metrics] = await Promise.all([get("/api/status"), get("/metrics")]);
  const view = status === null ? null : statusOf(status);
  const counts = metrics?.kind === "answered" ? readRequestCounts(metrics.text) : null;
  return {
    recordedAt: new Date(clock.now()).toISOString(),
    probesByRegion: await countByRegion(context),
    ingestLagS: view === null ? null : view.data.ingest.lag_s,
    errorRate: counts === null || counts.total === 0 ? null : counts.failed / counts.total,
    readP95Ms: counts === null ? null : readQuantileMs(counts.readBuckets, 0.95),
  };
}

async function countByRegion({ db, clock }: BaselineContext): Promise<Record<string, number>> {
  if (db === null) return {};
  const endMs = clock.now();
  const probes = await reportingProbes(db, { startMs: endMs - REPORTING_MS, endMs });
  const counts: Record<string, number> = {};
  for (const { region } of probes) counts[region] = (counts[region] ?? 0) + 1;
  return counts;
}
