import {
  DEFAULT_THRESHOLDS,
  type NodeFacts,
  type NodeState,
  type SeriesHealth,
  type Thresholds,
  type WireThresholds,
} from "#contracts";
import type { Db } from "../pool.js";

/** A node as it is stored, with what its state is decided from. */
export interface StoredNode {
  readonly nodeId: string;
  readonly state: NodeState;
  readonly reason: string | null;
  readonly facts: NodeFacts;
}

interface Row {
  node_id: string;
  state: NodeState;
  state_reason: string | null;
  interval_ms: number;
  node_thresholds: WireThresholds;
  target: string | null;
  thresholds: WireThresholds | null;
  last_ms: number | null;
  rounds: number;
  latency_ms: number | null;
  loss_pct: number | null;
}

/**
 * Newest sample of each series, and the last six rounds within the node's staleness time. The
 * bounds on `time` keep the scans to the newest partitions.
 */
const FACTS = `
  SELECT n.node_id, n.state, n.state_reason, n.interval_ms, n.thresholds AS node_thresholds,
         s.target, s.thresholds, newest.last_ms, recent.rounds, recent.latency_ms, recent.loss_pct
    FROM nodes n
    LEFT JOIN series s USING (node_id)
    LEFT JOIN LATERAL (
      SELECT (extract(epoch FROM time) * 1000)::float8 AS last_ms
        FROM samples WHERE series_id = s.series_id ORDER BY time DESC LIMIT 1
    ) newest ON true
    LEFT JOIN LATERAL (
      SELECT count(*)::int AS rounds, avg(packet_loss) AS loss_pct,
             percentile_cont(0.5) WITHIN GROUP (ORDER BY latency_ms) AS latency_ms
        FROM (SELECT latency_ms, packet_loss FROM samples
               WHERE series_id = s.series_id
                 AND time >= to_timestamp($1::float8 / 1000)
                             - greatest(3 * n.interval_ms, 30000) * interval '1 ms'
               ORDER BY time DESC LIMIT 6) last_rounds
    ) recent ON true
   WHERE n.deleted_at IS NULL
   ORDER BY n.node_id, s.target, s.check_type`;

/** What every living node's state is decided from, as of `nowMs`. */
export async function readNodeFacts(db: Db, nowMs: number): Promise<readonly StoredNode[]> {
  const { rows } = await db.query<Row>({ name: "fiber_node_facts", text: FACTS }, [nowMs]);
  const byNode = new Map<string, Row[]>();
  for (const row of rows) {
    const group = byNode.get(row.node_id);
    if (group === undefined) byNode.set(row.node_id, [row]);
    else group.push(row);
  }
  return [...byNode.values()].flatMap((group) => {
    const [first] = group;
    return first === undefined ? [] : [toNode(first, group, nowMs)];
  });
}

function toNode(node: Row, rows: readonly Row[], nowMs: number): StoredNode {
  const lastSeen = rows.flatMap((row) => row.last_ms ?? []);
  const reporting = rows.filter((row) => row.rounds > 0);
  const targets = reporting.filter((row) => row.target !== "");
  // A node that sends summaries only is judged by those.
  const judged = targets.length > 0 ? targets : reporting;
  return {
    nodeId: node.node_id,
    state: node.state,
    reason: node.state_reason,
    facts: {
      lastSeenMs: lastSeen.length === 0 ? null : Math.max(...lastSeen),
      nowMs,
      intervalMs: node.interval_ms,
      series: judged.map(toHealth),
    },
  };
}

function toHealth(row: Row): SeriesHealth {
  return {
    label: row.target || "summary",
    latencyMs: row.latency_ms,
    lossPct: row.loss_pct ?? 0,
    thresholds: toThresholds(row.thresholds ?? {}, row.node_thresholds),
  };
}

/** The target's own thresholds, then its node's, then the product's. */
function toThresholds(own: WireThresholds, node: WireThresholds): Thresholds {
  const merged = { ...node, ...own };
  return {
    degradedLatencyMs: merged.degraded_latency_ms ?? DEFAULT_THRESHOLDS.degradedLatencyMs,
    criticalLatencyMs: merged.critical_latency_ms ?? DEFAULT_THRESHOLDS.criticalLatencyMs,
    degradedLossPct: merged.degraded_loss_pct ?? DEFAULT_THRESHOLDS.degradedLossPct,
    criticalLossPct: merged.critical_loss_pct ?? DEFAULT_THRESHOLDS.criticalLossPct,
  };
}
