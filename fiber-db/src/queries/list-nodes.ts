import type { Db } from "../pool.js";
import { NODE_COLUMNS, type NodeRecord, type NodeRow, toNodeRecord } from "./node-rows.js";

/** The nodes that are not deleted, by name; only those of `nodeIds` where given. */
export async function listNodes(
  db: Db,
  nodeIds: readonly string[] | null = null,
): Promise<readonly NodeRecord[]> {
  const { rows } = await db.query<NodeRow>(
    `SELECT ${NODE_COLUMNS} FROM nodes n
     WHERE n.deleted_at IS NULL AND ($1::text[] IS NULL OR n.node_id = ANY ($1))
     ORDER BY n.node_id`,
    [nodeIds],
  );
  return rows.map(toNodeRecord);
}
