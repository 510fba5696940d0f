import pg from "pg";
import type { Db } from "../pool.js";

/**
 * Makes an empty database from template0 with a dump's encoding and locale. Not inside a
 * transaction; the session is one in another database.
 */
export async function createScratchDatabase(
  db: Db,
  name: string,
  like: { readonly encoding: string; readonly collate: string; readonly ctype: string },
): Promise<void> {
  const { escapeIdentifier, escapeLiteral } = pg;
  await db.query(
    `CREATE DATABASE ${escapeIdentifier(name)} TEMPLATE template0 ` +
      `ENCODING ${escapeLiteral(like.encoding)} LC_COLLATE ${escapeLiteral(like.collate)} ` +
      `LC_CTYPE ${escapeLiteral(like.ctype)}`,
  );
}

/** Drops a scratch database and ends its sessions; harmless when it does not exist. */
export async function dropScratchDatabase(db: Db, name: string): Promise<void> {
  await db.query(`DROP DATABASE IF EXISTS ${pg.escapeIdentifier(name)} WITH (FORCE)`);
}

/** One proof a server at a time; held by the session until it ends. Taken in database postgres. */
const PROOF_KEY = 4_711_005;

/**
 * Takes the session's lock for a proof and drops the scratch databases that killed proofs left.
 *
 * @param prefix what the names of scratch databases begin with
 * @returns false when another proof is running
 */
export async function lockProof(db: Db, prefix: string): Promise<boolean> {
  const { rows } = await db.query<{ taken: boolean }>("SELECT pg_try_advisory_lock($1) AS taken", [
    PROOF_KEY,
  ]);
  if (!rows[0]?.taken) return false;
  const left = await db.query<{ name: string }>(
    "SELECT datname AS name FROM pg_database WHERE starts_with(datname, $1)",
    [prefix],
  );
  for (const { name } of left.rows) await dropScratchDatabase(db, name);
  return true;
}

/** Gives the lock of {@link lockProof} up before the session ends. */
export async function unlockProof(db: Db): Promise<void> {
  await db.query("SELECT pg_advisory_unlock($1)", [PROOF_KEY]);
}
