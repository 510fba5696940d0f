import type { Db } from "../pool.js";

/** What a backup notes about the server and the database that it was taken from. */
export interface ServerFacts {
  /** server_version, such as "15.18". */
  readonly version: string;
  readonly major: number;
  /** `pg_control_system().system_identifier`. */
  readonly systemIdentifier: string;
  readonly databaseOid: number;
  readonly databaseSizeBytes: number;
  readonly owner: string;
  readonly encoding: string;
  readonly collate: string;
  readonly ctype: string;
}

/** Reads the facts of the server and of the connected database. */
export async function readServerFacts(db: Db): Promise<ServerFacts> {
  const { rows } = await db.query<ServerFacts & { size: string; number: string; oid: string }>(`
    SELECT split_part(current_setting('server_version'), ' ', 1) AS version,
           current_setting('server_version_num') AS number,
           (SELECT system_identifier::text FROM pg_control_system()) AS "systemIdentifier",
           d.oid::int8 AS oid, pg_database_size(d.oid) AS size, pg_get_userbyid(d.datdba) AS owner,
           pg_encoding_to_char(d.encoding) AS encoding, d.datcollate AS collate, d.datctype AS ctype
      FROM pg_database d WHERE d.datname = current_database()`);
  const row = rows[0];
  if (row === undefined) throw new Error("pg_database does not list the connected database");
  const { size, number, oid, ...facts } = row;
  return {
    ...facts,
    major: Math.floor(Number(number) / 10_000),
    databaseOid: Number(oid),
    databaseSizeBytes: Number(size),
  };
}
