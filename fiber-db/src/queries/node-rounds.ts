import type { Db } from "../pool.js";

/** One slice of time of a node's own summary. */
export interface NodeSlice {
  /** 0 is the first slice of the window. */
  readonly slice: number;
  readonly samples: number;
  /** Median RTT in ms; null when nothing answered. */
  readonly rttMs: number | null;
  readonly lossPct: number;
}

/** What a node measured over a window, and its longest silence. */
export interface NodeRounds {
  readonly nodeId: string;
  readonly region: string;
  readonly intervalMs: number;
  readonly samples: number;
  /** Slices with samples; the others are gaps. */
  readonly slices: readonly NodeSlice[];
  /** The longest time between two samples, or between one and the window's bounds. */
  readonly gap: { readonly startMs: number; readonly endMs: number };
}

interface Row {
  node_id: string;
  region: string;
  interval_ms: number;
  samples: number;
  slices: { slice: number; samples: number; rtt_ms: number | null; loss_pct: number }[];
  gap_start: Date;
  gap_end: Date;
}

// Targets' samples stand in for a node that sends no summary of its own.
const QUERY = `
  WITH rounds AS (
    SELECT n.node_id, n.region, n.interval_ms, x.time, x.latency_ms, x.packet_loss
    FROM nodes n
    JOIN series s ON s.node_id = n.node_id AND (s.target = '' OR NOT EXISTS (
      SELECT 1 FROM series own WHERE own.node_id = n.node_id AND own.target = ''))
    JOIN samples x ON x.series_id = s.series_id AND x.time >= $1 AND x.time < $2
    WHERE n.deleted_at IS NULL),
  sliced AS (
    SELECT node_id, floor(extract(epoch FROM time - $1::timestamptz)
                          / extract(epoch FROM $2::timestamptz - $1::timestamptz) * $3)::int AS slice,
           count(*)::int AS samples, avg(packet_loss) AS loss_pct,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY latency_ms) AS rtt_ms
    FROM rounds GROUP BY 1, 2),
  moments AS (
    SELECT node_id, time FROM rounds
    UNION ALL SELECT DISTINCT node_id, $2::timestamptz FROM rounds),
  gaps AS (
    SELECT node_id, lag(time, 1, $1) OVER w AS gap_start, time AS gap_end
    FROM moments WINDOW w AS (PARTITION BY node_id ORDER BY time)),
  longest AS (
    SELECT DISTINCT ON (node_id) * FROM gaps ORDER BY node_id, gap_end - gap_start DESC)
  SELECT l.node_id, r.region, r.interval_ms, r.samples, l.gap_start, l.gap_end,
         (SELECT json_agg(json_build_object('slice', slice, 'samples', samples, 'rtt_ms', rtt_ms,
                                            'loss_pct', loss_pct) ORDER BY slice)
          FROM sliced WHERE sliced.node_id = l.node_id) AS slices
  FROM longest l
  JOIN (SELECT node_id, region, interval_ms, count(*)::int AS samples FROM rounds
        GROUP BY 1, 2, 3) r USING (node_id)
  ORDER BY l.node_id`;

/** What every node measured in a window (epoch ms, end exclusive), cut into equal slices. */
export async function nodeRounds(
  db: Db,
  window: { readonly startMs: number; readonly endMs: number; readonly slices: number },
): Promise<readonly NodeRounds[]> {
  const { rows } = await db.query<Row>(QUERY, [
    new Date(window.startMs),
    new Date(window.endMs),
    window.slices,
  ]);
  return rows.map((row) => ({
    nodeId: row.node_id,
    region: row.region,
    intervalMs: row.interval_ms,
    samples: row.samples,
    slices: row.slices.map((one) => ({
      slice: one.slice,
      samples: one.samples,
      rttMs: one.rtt_ms,
      lossPct: one.loss_pct,
    })),
    gap: { startMs: row.gap_start.getTime(), endMs: row.gap_end.getTime() },
  }));
}
