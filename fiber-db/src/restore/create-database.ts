import type { Db } from "../pool.js";
import { quoteName, quoteText } from "./session.js";

/** How a database is to be made. */
export interface NewDatabase {
  readonly name: string;
  readonly owner: string;
  readonly encoding: string;
  readonly collate: string;
  readonly ctype: string;
}

/** Makes an empty database from template0, so that nothing local gets into it. */
export async function createDatabase(db: Db, made: NewDatabase): Promise<void> {
  await db.query(
    `CREATE DATABASE ${quoteName(made.name)} TEMPLATE template0 OWNER ${quoteName(made.owner)}
       ENCODING ${quoteText(made.encoding)} LC_COLLATE ${quoteText(made.collate)}
       LC_CTYPE ${quoteText(made.ctype)}`,
  );
}

/** Drops a database, ending its sessions; harmless when there is none. */
export async function dropDatabase(db: Db, name: string): Promise<void> {
  await db.query(`DROP DATABASE IF EXISTS ${quoteName(name)} WITH (FORCE)`);
}

/** Notes on a database; null removes the note. Durable when this resolves, with all before it. */
export async function commentDatabase(db: Db, name: string, comment: string | null): Promise<void> {
  const text = comment === null ? "NULL" : quoteText(comment);
  await db.query("SET synchronous_commit = on");
  await db.query(`COMMENT ON DATABASE ${quoteName(name)} IS ${text}`);
}
