import type { Role } from "#contracts";
import type { Db } from "../pool.js";

/** A token as it can be shown: never its text. */
export interface TokenRecord {
  readonly tokenId: string;
  readonly role: Role;
  readonly nodeId: string | null;
  readonly label: string;
  readonly createdAt: Date;
  readonly revokedAt: Date | null;
}

/** All tokens, newest first. */
export async function listTokens(db: Db): Promise<readonly TokenRecord[]> {
  const { rows } = await db.query<{
    token_id: string;
    role: Role;
    node_id: string | null;
    label: string;
    created_at: Date;
    revoked_at: Date | null;
  }>(
    `SELECT token_id, role, node_id, label, created_at, revoked_at
     FROM access_tokens ORDER BY created_at DESC, token_id`,
  );
  return rows.map((row) => ({
    tokenId: row.token_id,
    role: row.role,
    nodeId: row.node_id,
    label: row.label,
    createdAt: row.created_at,
    revokedAt: row.revoked_at,
  }));
}
