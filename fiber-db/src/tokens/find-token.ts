import type { Role } from "#contracts";
import type { Db } from "../pool.js";
import { hashToken, isTokenText } from "./token-text.js";

/** Who holds a token. */
export interface TokenHolder {
  readonly tokenId: string;
  readonly role: Role;
  /** The only node a probe may speak for; null for other roles. */
  readonly nodeId: string | null;
  readonly revoked: boolean;
  /** Whether the probe's node was deleted (its tokens are revoked with it). */
  readonly nodeDeleted: boolean;
}

/** Who holds this token, or null when nobody does; revoked tokens are found and say so. */
export async function findToken(db: Db, token: string): Promise<TokenHolder | null> {
  if (!isTokenText(token)) return null;
  const { rows } = await db.query<{
    token_id: string;
    role: Role;
    node_id: string | null;
    revoked: boolean;
    node_deleted: boolean;
  }>(
    `SELECT t.token_id, t.role, t.node_id, t.revoked_at IS NOT NULL AS revoked,
            n.deleted_at IS NOT NULL AS node_deleted
     FROM access_tokens t LEFT JOIN nodes n USING (node_id)
     WHERE t.hash = $1`,
    [hashToken(token)],
  );
  const row = rows[0];
  if (row === undefined) return null;
  return {
    tokenId: row.token_id,
    role: row.role,
    nodeId: row.node_id,
    revoked: row.revoked,
    nodeDeleted: row.node_deleted,
  };
}
