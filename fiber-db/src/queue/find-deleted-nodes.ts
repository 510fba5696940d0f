import type { Db } from "../pool.js";

/** Which of these nodes are soft-deleted. */
export async function findDeletedNodes(
  db: Db,
  nodeIds: readonly string[],
): Promise<readonly string[]> {
  const { rows } = await db.query<{ node_id: string }>(
    {
      name: "fiber_deleted_nodes",
      text: "SELECT node_id FROM nodes WHERE node_id = ANY($1::text[]) AND deleted_at IS NOT NULL",
    },
    [nodeIds],
  );
  return rows.map((row) => row.node_id);
}
