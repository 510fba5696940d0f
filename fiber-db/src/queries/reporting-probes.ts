import type { Db } from "../pool.js";

/** A probe that reported, and how often it measures. */
export interface ReportingProbe {
  readonly nodeId: string;
  readonly region: string;
  readonly intervalMs: number;
}

/** The nodes, not deleted, with a sample measured in a window (epoch ms, end exclusive). */
export async function reportingProbes(
  db: Db,
  window: { readonly startMs: number; readonly endMs: number },
): Promise<readonly ReportingProbe[]> {
  const { rows } = await db.query<{ node_id: string; region: string; interval_ms: number }>(
    `SELECT n.node_id, n.region, n.interval_ms FROM nodes n
     WHERE n.deleted_at IS NULL AND EXISTS (
       SELECT 1 FROM series s CROSS JOIN LATERAL (
         SELECT 1 FROM samples x
         WHERE x.series_id = s.series_id AND x.time >= $1 AND x.time < $2 LIMIT 1) y
       WHERE s.node_id = n.node_id)
     ORDER BY n.node_id`,
    [new Date(window.startMs), new Date(window.endMs)],
  );
  return rows.map((row) => ({
    nodeId: row.node_id,
    region: row.region,
    intervalMs: row.interval_ms,
  }));
}
