import type { NodeState, WireThresholds } from "#contracts";

/** A check that a probe could not run itself. */
interface UnableCheck {
  readonly target: string;
  readonly check: "icmp" | "tcp" | "http" | "dns" | "tls";
  readonly reason: string;
}

/** One node as it is stored. Times in epoch ms. */
export interface NodeRecord {
  readonly nodeId: string;
  readonly country: string;
  readonly region: string;
  /** [latitude, longitude] in degrees. */
  readonly coordinates: readonly [number, number] | null;
  readonly demo: boolean;
  readonly intervalMs: number;
  readonly thresholds: WireThresholds;
  readonly version: string | null;
  readonly uplink: "ok" | "down" | "unknown";
  readonly unable: readonly UnableCheck[];
  readonly state: NodeState;
  readonly stateSinceMs: number;
  readonly stateReason: string | null;
  readonly deleted: boolean;
}

/** The columns of {@link NodeRow}, from a table or alias `n`. */
export const NODE_COLUMNS = `n.node_id, n.country, n.region, n.latitude, n.longitude, n.demo,
  n.interval_ms, n.thresholds, n.version, n.uplink, n.unable, n.state, n.state_reason,
  (extract(epoch FROM n.state_since) * 1000)::float8 AS state_since_ms,
  n.deleted_at IS NOT NULL AS deleted`;

/** A row of {@link NODE_COLUMNS}. */
export interface NodeRow {
  readonly node_id: string;
  readonly country: string;
  readonly region: string;
  readonly latitude: number | null;
  readonly longitude: number | null;
  readonly demo: boolean;
  readonly interval_ms: number;
  readonly thresholds: WireThresholds;
  readonly version: string | null;
  readonly uplink: "ok" | "down" | "unknown";
  readonly unable: readonly UnableCheck[];
  readonly state: NodeState;
  readonly state_reason: string | null;
  readonly state_since_ms: number;
  readonly deleted: boolean;
}

/** A row as the product names it. */
export function toNodeRecord(row: NodeRow): NodeRecord {
  return {
    nodeId: row.node_id,
    country: row.country,
    region: row.region,
    coordinates:
      row.latitude === null || row.longitude === null ? null : [row.latitude, row.longitude],
    demo: row.demo,
    intervalMs: row.interval_ms,
    thresholds: row.thresholds,
    version: row.version,
    uplink: row.uplink,
    unable: row.unable,
    state: row.state,
    stateSinceMs: Math.round(row.state_since_ms),
    stateReason: row.state_reason,
    deleted: row.deleted,
  };
}
