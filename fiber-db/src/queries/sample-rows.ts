import type { CheckType } from "#contracts";

/** One stored sample. `target` and `check` are "" for a node's own summary; time in epoch ms. */
export interface StoredSample {
  readonly nodeId: string;
  readonly target: string;
  readonly check: CheckType | "";
  readonly seriesId: number;
  readonly timeMs: number;
  readonly latencyMs: number | null;
  readonly latencyMinMs: number | null;
  readonly latencyMaxMs: number | null;
  readonly jitterMs: number | null;
  readonly sent: number | null;
  readonly received: number | null;
  readonly uptimePct: number;
  readonly packetLoss: number;
  readonly metadata: Readonly<Record<string, unknown>> | null;
}

/** The columns of {@link SampleRow} that come from a sample, from a table or alias `x`. */
export const SAMPLE_COLUMNS = `(extract(epoch FROM x.time) * 1000)::float8 AS time_ms,
  x.latency_ms, x.latency_min_ms, x.latency_max_ms, x.jitter_ms, x.sent, x.received,
  x.uptime_pct, x.packet_loss, x.metadata`;

/** A row of {@link SAMPLE_COLUMNS} with its series. */
export interface SampleRow {
  readonly node_id: string;
  readonly target: string;
  readonly check_type: CheckType | "";
  readonly series_id: number;
  readonly time_ms: number;
  readonly latency_ms: number | null;
  readonly latency_min_ms: number | null;
  readonly latency_max_ms: number | null;
  readonly jitter_ms: number | null;
  readonly sent: number | null;
  readonly received: number | null;
  readonly uptime_pct: number;
  readonly packet_loss: number;
  readonly metadata: Readonly<Record<string, unknown>> | null;
}

/** A row as the product names it. */
export function toStoredSample(row: SampleRow): StoredSample {
  return {
    nodeId: row.node_id,
    target: row.target,
    check: row.check_type,
    seriesId: row.series_id,
    timeMs: Math.round(row.time_ms),
    latencyMs: row.latency_ms,
    latencyMinMs: row.latency_min_ms,
    latencyMaxMs: row.latency_max_ms,
    jitterMs: row.jitter_ms,
    sent: row.sent,
    received: row.received,
    uptimePct: row.uptime_pct,
    packetLoss: row.packet_loss,
    metadata: row.metadata,
  };
}
