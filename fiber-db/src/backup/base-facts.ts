import type { Db } from "../pool.js";

/** What a base backup notes of the server, so that another one can recover it. */
export interface BaseFacts {
  readonly version: string;
  readonly major: number;
  readonly systemIdentifier: string;
  readonly segmentBytes: number;
  /** Size of all databases. */
  readonly clusterBytes: number;
  /** Who may connect: the session's own user, a superuser. */
  readonly user: string;
  /** Settings that a recovering server must not have lower. */
  readonly limits: Readonly<Record<string, string>>;
  /** Tablespaces outside the data folder. */
  readonly tablespaces: readonly string[];
}

const LIMITS = [
  "max_connections",
  "max_locks_per_transaction",
  "max_prepared_transactions",
  "max_wal_senders",
  "max_worker_processes",
];

/** Reads them; needs a superuser. */
export async function readBaseFacts(db: Db): Promise<BaseFacts> {
  const { rows } = await db.query<Omit<BaseFacts, "limits"> & { size: string; limits: object }>(
    `SELECT split_part(current_setting('server_version'), ' ', 1) AS version,
            current_setting('server_version_num')::int / 10000 AS major,
            (SELECT system_identifier::text FROM pg_control_system()) AS "systemIdentifier",
            (SELECT bytes_per_wal_segment FROM pg_control_init()) AS "segmentBytes",
            (SELECT sum(pg_database_size(oid)) FROM pg_database) AS size,
            current_user AS user,
            (SELECT json_object_agg(name, setting) FROM pg_settings WHERE name = ANY ($1)) AS limits,
            ARRAY(SELECT spcname::text FROM pg_tablespace
                   WHERE spcname NOT IN ('pg_default', 'pg_global')) AS tablespaces`,
    [LIMITS],
  );
  const row = rows[0];
  if (row === undefined) throw new Error("the server told nothing about itself");
  const { size, limits, ...facts } = row;
  return { ...facts, clusterBytes: Number(size), limits: limits as Record<string, string> };
}
