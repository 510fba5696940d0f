import type { NodePatch } from "#contracts";
import type { Db } from "../pool.js";

/**
 * Changes what a patch names and nothing else.
 *
 * @returns false when there is no such node, or it was deleted
 */
export async function updateNode(db: Db, nodeId: string, patch: NodePatch): Promise<boolean> {
  const { rowCount } = await db.query(
    `UPDATE nodes SET
       country = coalesce($2, country),
       region = coalesce($3, region),
       latitude = coalesce($4, latitude),
       longitude = coalesce($5, longitude),
       interval_ms = coalesce($6, interval_ms),
       thresholds = coalesce($7::jsonb, thresholds),
       updated_at = now()
     WHERE node_id = $1 AND deleted_at IS NULL`,
    [
      nodeId,
      patch.country ?? null,
      patch.region ?? null,
      patch.coordinates?.[0] ?? null,
      patch.coordinates?.[1] ?? null,
      patch.interval_ms ?? null,
      patch.thresholds === undefined ? null : JSON.stringify(patch.thresholds),
    ],
  );
  return rowCount === 1;
}
