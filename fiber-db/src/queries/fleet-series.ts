import type { Db } from "../pool.js";

/** How many rounds a second the fleet measures: what raw figures of a window would cost. */
export async function fleetRate(db: Db): Promise<number> {
  const { rows } = await db.query<{ rate: number }>(
    `SELECT coalesce(sum(1000.0 / interval_ms), 0)::float8 AS rate
     FROM nodes WHERE deleted_at IS NULL`,
  );
  return rows[0]?.rate ?? 0;
}

const FLEET_SERIES = `
  SELECT s.series_id, n.node_id, n.region, n.interval_ms
  FROM nodes n LEFT JOIN series s ON s.node_id = n.node_id AND (s.target = '' OR NOT EXISTS (
    SELECT 1 FROM series own WHERE own.node_id = n.node_id AND own.target = ''))
  WHERE n.deleted_at IS NULL`;

/**
 * The series that stand for nodes in fleet figures: a node's own summary, or all its targets where
 * it sends none. A node without any stays, with a null series: it is part of the fleet, unmeasured.
 * Query parameter number `parameter` names the region to keep to; null means all.
 */
export function fleetSeriesOf(parameter: number): string {
  return `${FLEET_SERIES} AND ($${parameter}::text IS NULL OR n.region = $${parameter})`;
}
