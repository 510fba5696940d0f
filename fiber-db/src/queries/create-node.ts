import type { NodeCreate } from "#contracts";
import type { Db } from "../pool.js";

/**
 * Registers a node. A deleted node of that name comes back with the new figures (its tokens stay
 * revoked).
 *
 * @returns false when a node of that name exists
 */
export async function createNode(db: Db, node: NodeCreate): Promise<boolean> {
  const { rowCount } = await db.query(
    `INSERT INTO nodes (node_id, country, region, latitude, longitude, interval_ms, thresholds)
     VALUES ($1, $2, $3, $4, $5, coalesce($6, 10000), coalesce($7::jsonb, '{}'))
     ON CONFLICT (node_id) DO UPDATE SET
       country = excluded.country, region = excluded.region, latitude = excluded.latitude,
       longitude = excluded.longitude, interval_ms = excluded.interval_ms,
       thresholds = excluded.thresholds, deleted_at = NULL, updated_at = now()
     WHERE nodes.deleted_at IS NOT NULL`,
    [
      node.node_id,
      node.country,
      node.region,
      node.coordinates?.[0] ?? null,
      node.coordinates?.[1] ?? null,
      node.interval_ms ?? null,
      node.thresholds === undefined ? null : JSON.stringify(node.thresholds),
    ],
  );
  return rowCount === 1;
}
