import { BACKUP_LOCK_KEY } from "../partitions/backup-running.js";
import type { Db } from "../pool.js";

/**
 * Begins a read-only transaction whose snapshot others can share, after taking the lock that
 * keeps partition care from making or dropping tables. Both last until the transaction ends.
 *
 * @returns the snapshot's id for `SET TRANSACTION SNAPSHOT` and `pg_dump --snapshot`
 */
export async function exportSnapshot(db: Db): Promise<string> {
  // The lock first and in a statement of its own: the snapshot must be younger than it.
  await db.query("SELECT pg_advisory_lock_shared($1)", [BACKUP_LOCK_KEY]);
  await db.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
  // Hashing shares the machine with ingest: no extra worker processes.
  await db.query("SET LOCAL max_parallel_workers_per_gather = 0");
  const { rows } = await db.query<{ id: string }>("SELECT pg_export_snapshot() AS id");
  const id = rows[0]?.id;
  if (id === undefined) throw new Error("pg_export_snapshot() returned nothing");
  return id;
}

/** Ends what {@link exportSnapshot} began and gives up all of the session's locks. */
export async function releaseSnapshot(db: Db): Promise<void> {
  await db.query("ROLLBACK");
  await db.query("SELECT pg_advisory_unlock_all()");
}
