import type { Role } from "#contracts";
import type { Db } from "../pool.js";
import { hashToken, isTokenText } from "./token-text.js";

/** Roles by what {@link tokenKey} makes of a token. */
export type TokenRoles = ReadonlyMap<string, Role>;

/** The roles of all tokens that count now; probes' are left out, as they may read nothing. */
export async function tokenRoles(db: Db): Promise<TokenRoles> {
  const { rows } = await db.query<{ key: string; role: Role }>(
    `SELECT encode(hash, 'hex') AS key, role FROM access_tokens
     WHERE revoked_at IS NULL AND role <> 'probe' ORDER BY key`,
  );
  return new Map(rows.map((row) => [row.key, row.role]));
}

/** What stands for a token where its text must not lie: its SHA-256 in hex. Null for no token. */
export function tokenKey(token: string): string | null {
  return isTokenText(token) ? hashToken(token).toString("hex") : null;
}
