import type { Db } from "../pool.js";

/**
 * Deletes a node softly: its samples stay, its tokens are revoked in the same statement.
 *
 * @returns false when there is no such node, or it was deleted before
 */
export async function deleteNode(db: Db, nodeId: string): Promise<boolean> {
  const { rows } = await db.query(
    `WITH gone AS (
       UPDATE nodes SET deleted_at = now(), updated_at = now()
       WHERE node_id = $1 AND deleted_at IS NULL
       RETURNING node_id
     ), revoked AS (
       UPDATE access_tokens t SET revoked_at = now() FROM gone
       WHERE t.node_id = gone.node_id AND t.revoked_at IS NULL
     )
     SELECT node_id FROM gone`,
    [nodeId],
  );
  return rows.length === 1;
}
