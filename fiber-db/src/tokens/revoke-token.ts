import type { Db } from "../pool.js";

/** Revokes a token by its id; false when there is none or it was revoked before. */
export async function revokeToken(db: Db, tokenId: string): Promise<boolean> {
  const { rowCount } = await db.query(
    "UPDATE access_tokens SET revoked_at = now() WHERE token_id = $1 AND revoked_at IS NULL",
    [tokenId],
  );
  return rowCount === 1;
}
