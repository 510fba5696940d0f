/** States of a node, from best to worst. */
export const NODE_STATES = ["HEALTHY", "DEGRADED", "CRITICAL", "STALE", "DOWN"] as const;

/** One of {@link NODE_STATES}. */
export type NodeState = (typeof NODE_STATES)[number];

/** Limits beyond which (strictly) a node or target counts as degraded or critical. ms and percent. */
export interface Thresholds {
  readonly degradedLatencyMs: number;
  readonly criticalLatencyMs: number;
  readonly degradedLossPct: number;
  readonly criticalLossPct: number;
}

/** The product's defaults (docs/contracts: "Node state and posture"). */
export const DEFAULT_THRESHOLDS: Thresholds = {
  degradedLatencyMs: 100,
  criticalLatencyMs: 200,
  degradedLossPct: 1,
  criticalLossPct: 5,
};

/** The recent rounds of one series (target and check) of a node. */
export interface SeriesHealth {
  /** Shown in the cause: "Lagos demo target", or the host. */
  readonly label: string;
  /** Median latency of the recent rounds in ms, null when nothing came back in any of them. */
  readonly latencyMs: number | null;
  /** Mean loss of the recent rounds, percent. */
  readonly lossPct: number;
  readonly thresholds: Thresholds;
}

/** What is known of a node when its state is decided. */
export interface NodeFacts {
  /** Epoch ms of the newest sample, null when it never reported. */
  readonly lastSeenMs: number | null;
  readonly nowMs: number;
  readonly intervalMs: number;
  readonly series: readonly SeriesHealth[];
}

/** A node's state with its cause in a few words; the cause is null when healthy. */
export interface NodeVerdict {
  readonly state: NodeState;
  readonly reason: string | null;
}

/** A silent node counts as stale after three intervals, at least 30 s. */
export function staleAfterMs(intervalMs: number): number {
  return Math.max(3 * intervalMs, 30_000);
}

/**
 * Decides a node's state. Order: never seen or silent → STALE; nothing answers → DOWN;
 * otherwise the worst of its series.
 */
export function nodeState(facts: NodeFacts): NodeVerdict {
  const { lastSeenMs, nowMs, intervalMs, series } = facts;
  if (lastSeenMs === null) return { state: "STALE", reason: "never reported" };
  const silentMs = nowMs - lastSeenMs;
  if (silentMs > staleAfterMs(intervalMs)) {
    return { state: "STALE", reason: `silent for ${Math.round(silentMs / 1000)} s` };
  }
  if (series.length > 0 && series.every((s) => s.latencyMs === null)) {
    return { state: "DOWN", reason: "nothing answers" };
  }
  const graded = series.map(gradeSeries);
  const worst =
    graded.find((g) => g.state === "CRITICAL") ?? graded.find((g) => g.state === "DEGRADED");
  return worst ?? { state: "HEALTHY", reason: null };
}

function gradeSeries(series: SeriesHealth): NodeVerdict {
  const { label, latencyMs, lossPct, thresholds: t } = series;
  const loss = `${label} loss ${formatNumber(lossPct)} %`;
  if (lossPct > t.criticalLossPct) return { state: "CRITICAL", reason: loss };
  const slow = `${label} ${formatNumber(latencyMs ?? 0)} ms`;
  if (latencyMs !== null && latencyMs > t.criticalLatencyMs) {
    return { state: "CRITICAL", reason: slow };
  }
  if (lossPct > t.degradedLossPct) return { state: "DEGRADED", reason: loss };
  if (latencyMs !== null && latencyMs > t.degradedLatencyMs) {
    return { state: "DEGRADED", reason: slow };
  }
  return { state: "HEALTHY", reason: null };
}

function formatNumber(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toFixed(1);
}
