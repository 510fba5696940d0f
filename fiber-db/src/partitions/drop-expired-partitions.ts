import type { DbConnection, DbPool } from "../pool.js";
import { isBackupRunning } from "./backup-running.js";
import { DAY_MS, partitionDay } from "./partition-days.js";
import { listPartitions, type PartitionState } from "./partition-state.js";

/** What {@link dropExpiredPartitions} did. */
export type DropResult =
  | { readonly kind: "done"; readonly dropped: readonly string[] }
  /** Someone holds a lock; what was dropped so far stays dropped, the rest waits for next time. */
  | { readonly kind: "locked"; readonly dropped: readonly string[]; readonly table: string }
  | { readonly kind: "backup-running" };

const LOCK_NOT_AVAILABLE = "55P03";

/**
 * Removes the days of `samples` that ended `keepDays` (default 7) or more before `nowMs`:
 * DETACH CONCURRENTLY, which lets writers and readers go on, then DROP. A detach that was
 * interrupted is finished. Lock waits end after 2 s. A day that rollups still wait to be computed
 * from stays until they are.
 */
export async function dropExpiredPartitions(
  pool: DbPool,
  options: { readonly nowMs: number; readonly keepDays?: number },
): Promise<DropResult> {
  const cutoffMs = options.nowMs - (options.keepDays ?? 7) * DAY_MS;
  const connection = await pool.connect();
  let broken: Error | undefined;
  try {
    const needed = await daysWithDueRollups(connection);
    const expired = (await listPartitions(connection)).filter(
      (p) => p.endMs <= cutoffMs && !needed.has(p.startMs),
    );
    if (expired.length === 0) return { kind: "done", dropped: [] };
    if (await isBackupRunning(connection)) return { kind: "backup-running" };
    await connection.query("SET lock_timeout = '2s'");
    return await dropAll(connection, expired);
  } catch (err) {
    broken = err as Error;
    throw err;
  } finally {
    // The connection keeps no lock time-out: it is closed after an error and reset otherwise.
    if (broken === undefined) {
      await connection.query("RESET lock_timeout").catch((err: Error) => {
        broken = err;
      });
    }
    connection.release(broken);
  }
}

async function daysWithDueRollups(connection: DbConnection): Promise<ReadonlySet<number>> {
  const { rows } = await connection.query<{ bucket: Date }>("SELECT bucket FROM rollup_due");
  return new Set(rows.map(({ bucket }) => partitionDay(bucket.getTime()).startMs));
}

async function dropAll(
  connection: DbConnection,
  expired: readonly PartitionState[],
): Promise<DropResult> {
  const dropped: string[] = [];
  // PostgreSQL allows one unfinished detach: it comes first.
  const rank = (p: PartitionState) => (p.state === "detaching" ? 0 : 1);
  for (const partition of expired.toSorted((a, b) => rank(a) - rank(b))) {
    try {
      await dropOne(connection, partition);
      dropped.push(partition.table);
    } catch (err) {
      if ((err as { code?: unknown }).code !== LOCK_NOT_AVAILABLE) throw err;
      return { kind: "locked", dropped, table: partition.table };
    }
  }
  return { kind: "done", dropped };
}

async function dropOne(connection: DbConnection, { table, state }: PartitionState): Promise<void> {
  if (state === "attached") {
    await connection.query(`ALTER TABLE samples DETACH PARTITION ${table} CONCURRENTLY`);
  } else if (state === "detaching") {
    await connection.query(`ALTER TABLE samples DETACH PARTITION ${table} FINALIZE`);
  }
  await connection.query(`DROP TABLE ${table}`);
}
