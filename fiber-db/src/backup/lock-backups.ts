import type { Db } from "../pool.js";

/** One backup of a database at a time; held by the session until it ends. */
const ONE_BACKUP_KEY = 4_711_004;

/** Who takes a backup of the connected database now. */
export interface BackupHolder {
  /** The server's process that serves it. */
  readonly pid: number;
  /** Address of the client, "local" for a socket. */
  readonly client: string;
  /** Epoch ms. */
  readonly sinceMs: number;
}

/** Takes the session's lock for a backup; returns its holder when somebody else has it. */
export async function lockBackups(db: Db): Promise<BackupHolder | null> {
  const taken = await db.query<{ taken: boolean }>("SELECT pg_try_advisory_lock($1) AS taken", [
    ONE_BACKUP_KEY,
  ]);
  if (taken.rows[0]?.taken) return null;
  const { rows } = await db.query<{ pid: number; client: string; since: Date }>(
    `SELECT a.pid, coalesce(host(a.client_addr), 'local') AS client, a.backend_start AS since
       FROM pg_locks l JOIN pg_stat_activity a USING (pid)
       JOIN pg_database d ON d.oid = l.database AND d.datname = current_database()
      WHERE l.locktype = 'advisory' AND l.granted AND l.classid = 0
        AND l.objid = $1::bigint::oid AND l.objsubid = 1`,
    [ONE_BACKUP_KEY],
  );
  const row = rows[0];
  // It ended between the two questions: then the lock is to be had.
  if (row === undefined) return lockBackups(db);
  return { pid: row.pid, client: row.client, sinceMs: row.since.getTime() };
}
