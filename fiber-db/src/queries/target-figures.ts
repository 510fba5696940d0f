import type { Db } from "../pool.js";

/** How one target looked from one node over a window. */
export interface TargetFigures {
  readonly nodeId: string;
  readonly target: string;
  readonly check: string;
  readonly samples: number;
  /** Median of the rounds' RTT; null when nothing answered. */
  readonly rttMs: number | null;
  readonly lossPct: number;
}

/** Median RTT and mean loss of every target in a window (epoch ms, end exclusive). */
export async function targetFigures(
  db: Db,
  window: { readonly startMs: number; readonly endMs: number },
): Promise<readonly TargetFigures[]> {
  const { rows } = await db.query<{
    node_id: string;
    target: string;
    check_type: string;
    samples: number;
    rtt_ms: number | null;
    loss_pct: number;
  }>(
    `SELECT s.node_id, s.target, s.check_type, f.*
     FROM series s
     JOIN nodes n ON n.node_id = s.node_id AND n.deleted_at IS NULL
     CROSS JOIN LATERAL (
       SELECT count(*)::int AS samples,
              percentile_cont(0.5) WITHIN GROUP (ORDER BY x.latency_ms) AS rtt_ms,
              avg(x.packet_loss) AS loss_pct
       FROM samples x WHERE x.series_id = s.series_id AND x.time >= $1 AND x.time < $2) f
     WHERE s.target <> '' AND f.samples > 0
     ORDER BY s.node_id, s.target, s.check_type`,
    [new Date(window.startMs), new Date(window.endMs)],
  );
  return rows.map((row) => ({
    nodeId: row.node_id,
    target: row.target,
    check: row.check_type,
    samples: row.samples,
    rttMs: row.rtt_ms,
    lossPct: row.loss_pct,
  }));
}
