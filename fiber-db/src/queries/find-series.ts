import type { CheckType } from "#contracts";
import type { Db } from "../pool.js";

/** A series with what a chart of it needs. */
export interface SeriesRecord {
  readonly seriesId: number;
  readonly intervalMs: number;
}

/** One series of a node that is not deleted; "" and "" are the node's own summary. */
export async function findSeries(
  db: Db,
  series: { readonly nodeId: string; readonly target: string; readonly check: CheckType | "" },
): Promise<SeriesRecord | null> {
  const { rows } = await db.query<{ series_id: number; interval_ms: number }>(
    `SELECT s.series_id, n.interval_ms
     FROM series s JOIN nodes n USING (node_id)
     WHERE s.node_id = $1 AND s.target = $2 AND s.check_type = $3 AND n.deleted_at IS NULL`,
    [series.nodeId, series.target, series.check],
  );
  const row = rows[0];
  return row === undefined ? null : { seriesId: row.series_id, intervalMs: row.interval_ms };
}
