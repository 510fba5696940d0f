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
