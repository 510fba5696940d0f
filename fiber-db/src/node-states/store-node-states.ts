import type { NodeVerdict } from "#contracts";
import type { Db } from "../pool.js";

/** A node's state to be stored. */
export interface NodeStateChange extends NodeVerdict {
  readonly nodeId: string;
}

/** Stores states as of `nowMs`; `state_since` moves only where the state itself is another. */
export async function storeNodeStates(
  db: Db,
  changes: readonly NodeStateChange[],
  nowMs: number,
): Promise<void> {
  if (changes.length === 0) return;
  await db.query(
    `UPDATE nodes n
        SET state = c.state, state_reason = c.reason,
            state_since = CASE WHEN n.state = c.state THEN n.state_since
                               ELSE to_timestamp($4::float8 / 1000) END
       FROM unnest($1::text[], $2::text[], $3::text[]) AS c (node_id, state, reason)
      WHERE n.node_id = c.node_id`,
    [
      changes.map((change) => change.nodeId),
      changes.map((change) => change.state),
      changes.map((change) => change.reason),
      nowMs,
    ],
  );
}
