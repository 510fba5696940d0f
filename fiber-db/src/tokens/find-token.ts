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
  return (await findTokens(db, [token])).get(token) ?? null;
}

/** {@link findToken} for many tokens in one round trip; those that nobody holds are left out. */
export async function findTokens(
  db: Db,
  tokens: readonly string[],
): Promise<ReadonlyMap<string, TokenHolder>> {
  const byHash = new Map(
    tokens.filter(isTokenText).map((token) => [hashToken(token).toString("hex"), token]),
  );
  if (byHash.size === 0) return new Map();
  const { rows } = await db.query<{
    hash: string;
    token_id: string;
    role: Role;
    node_id: string | null;
    revoked: boolean;
    node_deleted: boolean;
  }>(
    `SELECT encode(t.hash, 'hex') AS hash, t.token_id, t.role, t.node_id,
            t.revoked_at IS NOT NULL AS revoked, n.deleted_at IS NOT NULL AS node_deleted
     FROM access_tokens t LEFT JOIN nodes n USING (node_id)
     WHERE t.hash = ANY(SELECT decode(hex, 'hex') FROM unnest($1::text[]) AS given (hex))`,
    [[...byHash.keys()]],
  );
  const holders = new Map<string, TokenHolder>();
  for (const row of rows) {
    const token = byHash.get(row.hash);
    if (token === undefined) continue;
    holders.set(token, {
      tokenId: row.token_id,
      role: row.role,
      nodeId: row.node_id,
      revoked: row.revoked,
      nodeDeleted: row.node_deleted,
    });
  }
  return holders;
}
