import type { Db } from "../pool.js";
import { NODE_COLUMNS, type NodeRecord, type NodeRow, toNodeRecord } from "./node-rows.js";

/** One node by its name, a deleted one too; null when there never was one. */
export async function findNode(db: Db, nodeId: string): Promise<NodeRecord | null> {
  const { rows } = await db.query<NodeRow>(
    `SELECT ${NODE_COLUMNS} FROM nodes n WHERE n.node_id = $1`,
    [nodeId],
  );
  return rows[0] === undefined ? null : toNodeRecord(rows[0]);
}
