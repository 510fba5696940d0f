import type { Db } from "../pool.js";

/**
 * Advisory lock that a backup of this database holds in share mode while it runs, for dumps that
 * do not show as `pg_dump` in pg_stat_activity. Taken in the database that is backed up.
 */
export const BACKUP_LOCK_KEY = 4_711_001;

/**
 * Whether a backup of the connected database is running: a session named `pg_dump`, or a holder
 * of {@link BACKUP_LOCK_KEY}. Partitions are neither made nor dropped meanwhile.
 */
export async function isBackupRunning(db: Db): Promise<boolean> {
  const { rows } = await db.query<{ running: boolean }>(
    `SELECT EXISTS (SELECT FROM pg_stat_activity
                     WHERE datname = current_database() AND application_name = 'pg_dump')
         OR EXISTS (SELECT FROM pg_locks JOIN pg_database d ON d.oid = database
                     WHERE locktype = 'advisory' AND granted AND datname = current_database()
                       AND classid = 0 AND objid = $1::bigint::oid AND objsubid = 1) AS running`,
    [BACKUP_LOCK_KEY],
  );
  return rows[0]?.running ?? false;
}
