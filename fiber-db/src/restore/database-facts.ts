import type { Db } from "../pool.js";

/** A database as the server's catalogue has it. */
export interface DatabaseFacts {
  readonly oid: number;
  readonly name: string;
  readonly owner: string;
  readonly encoding: string;
  readonly collate: string;
  readonly ctype: string;
  readonly sizeBytes: number;
  readonly comment: string | null;
}

/** The databases whose name is `prefix` or begins with it and an underscore, by name. */
export async function listDatabases(db: Db, prefix: string): Promise<readonly DatabaseFacts[]> {
  const { rows } = await db.query<DatabaseFacts & { sizeBytes: string }>(
    `SELECT d.oid::int8::float8 AS oid, d.datname AS name, pg_get_userbyid(d.datdba) AS owner,
            pg_encoding_to_char(d.encoding) AS encoding, d.datcollate AS collate,
            d.datctype AS ctype, pg_database_size(d.oid) AS "sizeBytes",
            shobj_description(d.oid, 'pg_database') AS comment
       FROM pg_database d WHERE d.datname = $1 OR starts_with(d.datname, $1 || '_')
      ORDER BY d.datname`,
    [prefix],
  );
  return rows.map((row) => ({ ...row, sizeBytes: Number(row.sizeBytes) }));
}

/** One database by name, null when there is none. */
export async function findDatabase(db: Db, name: string): Promise<DatabaseFacts | null> {
  return (await listDatabases(db, name)).find((found) => found.name === name) ?? null;
}

/** A transaction prepared for two-phase commit: it blocks a rename until it is ended by name. */
export interface PreparedTransaction {
  readonly gid: string;
  readonly owner: string;
  readonly preparedAt: Date;
}

/** The prepared transactions of a database, oldest first. */
export async function listPreparedTransactions(
  db: Db,
  database: string,
): Promise<readonly PreparedTransaction[]> {
  const { rows } = await db.query<PreparedTransaction>(
    `SELECT gid, owner, prepared AS "preparedAt" FROM pg_prepared_xacts
      WHERE database = $1 ORDER BY prepared`,
    [database],
  );
  return rows;
}

/** What the connected user may do on the whole server. */
export interface UserRights {
  readonly user: string;
  readonly superuser: boolean;
}

/** Reads who is connected. */
export async function readUserRights(db: Db): Promise<UserRights> {
  const { rows } = await db.query<UserRights>(
    "SELECT rolname AS user, rolsuper AS superuser FROM pg_roles WHERE rolname = current_user",
  );
  return rows[0] ?? { user: "unknown", superuser: false };
}
