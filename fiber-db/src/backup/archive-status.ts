import type { Db } from "../pool.js";

/** How the server's WAL archiving is doing. Times in epoch ms of the server's clock. */
export interface ArchiveStatus {
  readonly on: boolean;
  /** archive_command as the server has it, or "" with a module instead. */
  readonly command: string;
  readonly lastArchived: string | null;
  readonly lastArchivedMs: number | null;
  readonly failures: number;
  readonly lastFailed: string | null;
  readonly lastFailedMs: number | null;
  /** Finished segments that wait to be archived; they fill the server's disk while it fails. */
  readonly waiting: number;
  readonly nowMs: number;
}

interface Row {
  on: boolean;
  command: string;
  last_archived: string | null;
  last_archived_at: Date | null;
  failures: string;
  last_failed: string | null;
  last_failed_at: Date | null;
  waiting: number;
  now: Date;
}

/** Reads the archiver's state; needs a superuser or pg_monitor. */
export async function readArchiveStatus(db: Db): Promise<ArchiveStatus> {
  const { rows } = await db.query<Row>(`
    SELECT current_setting('archive_mode') <> 'off' AS on,
           current_setting('archive_command') AS command,
           last_archived_wal AS last_archived, last_archived_time AS last_archived_at,
           failed_count AS failures, last_failed_wal AS last_failed,
           last_failed_time AS last_failed_at, clock_timestamp() AS now,
           (SELECT count(*)::int FROM pg_ls_archive_statusdir()
             WHERE name LIKE '%.ready') AS waiting
      FROM pg_stat_archiver`);
  const row = rows[0];
  if (row === undefined) throw new Error("pg_stat_archiver returned nothing");
  return {
    on: row.on,
    command: row.command,
    lastArchived: row.last_archived,
    lastArchivedMs: row.last_archived_at?.getTime() ?? null,
    failures: Number(row.failures),
    lastFailed: row.last_failed,
    lastFailedMs: row.last_failed_at?.getTime() ?? null,
    waiting: row.waiting,
    nowMs: row.now.getTime(),
  };
}
