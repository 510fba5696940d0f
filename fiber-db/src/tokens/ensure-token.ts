import type { Db } from "../pool.js";
import type { TokenRequest } from "./issue-token.js";
import { hashToken } from "./token-text.js";

/**
 * Makes a token that its holder keeps known to the database, for a database that may have
 * forgotten it (taken down to its base, restored). Known tokens stay as they are: a revoked one
 * stays revoked. True when it was new.
 */
export async function ensureToken(
  db: Db,
  request: TokenRequest & { readonly token: string },
): Promise<boolean> {
  const { rowCount } = await db.query(
    `INSERT INTO access_tokens (role, node_id, hash, label) VALUES ($1, $2, $3, $4)
     ON CONFLICT (hash) DO NOTHING`,
    [request.role, request.nodeId ?? null, hashToken(request.token), request.label],
  );
  return rowCount === 1;
}
