import type { Db } from "../pool.js";
import { isBackupRunning } from "./backup-running.js";
import { type PartitionDay, partitionDays } from "./partition-days.js";
import { listPartitions } from "./partition-state.js";

/** Which days must have a partition. */
export interface EnsureOptions {
  readonly nowMs: number;
  /** Default 7: the raw retention. */
  readonly daysBack?: number;
  /** Default 7. */
  readonly daysAhead?: number;
  /** Default "wait": nothing is made while a backup runs. */
  readonly duringBackup?: "wait" | "go-on";
}

/** What {@link ensurePartitions} did; tables are named as in `samples_20261122`. */
export type EnsureResult =
  | { readonly kind: "done"; readonly created: readonly string[] }
  | { readonly kind: "backup-running" };

const ATTEMPTS = 5;
const LOCK_NOT_AVAILABLE = "55P03";
/** Two makers of the same partition take turns. */
const MAKER_LOCK_KEY = 4_711_002;

/**
 * Makes the missing partitions of `samples`, each as a table of its own that is then attached:
 * neither waits behind a reader or a dump, nor lets writers wait (`CREATE … PARTITION OF` does
 * both). Lock waits end after 2 s and are tried again five times.
 *
 * @throws the driver's error when a lock is still not to be had, or the schema is not there
 */
export async function ensurePartitions(db: Db, options: EnsureOptions): Promise<EnsureResult> {
  const { nowMs, daysBack = 7, daysAhead = 7, duringBackup = "wait" } = options;
  const attached = new Set(
    (await listPartitions(db)).flatMap((p) => (p.state === "attached" ? [p.table] : [])),
  );
  const missing = partitionDays(nowMs, { daysBack, daysAhead }).filter(
    (day) => !attached.has(day.table),
  );
  if (missing.length === 0) return { kind: "done", created: [] };
  if (duringBackup === "wait" && (await isBackupRunning(db))) return { kind: "backup-running" };
  for (const day of missing) await makePartition(db, day);
  return { kind: "done", created: missing.map((day) => day.table) };
}

async function makePartition(db: Db, day: PartitionDay): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await db.query(makeStatements(day));
      return;
    } catch (err) {
      const locked = (err as { code?: unknown }).code === LOCK_NOT_AVAILABLE;
      if (!locked || attempt === ATTEMPTS) throw err;
    }
  }
}

/** Several statements without parameters are one implicit transaction: all or nothing. */
function makeStatements({ table, startMs, endMs }: PartitionDay): string {
  const from = new Date(startMs).toISOString();
  const to = new Date(endMs).toISOString();
  return `
    SET LOCAL lock_timeout = '2s';
    SELECT pg_advisory_xact_lock(${MAKER_LOCK_KEY});
    DO $make$
    BEGIN
      IF EXISTS (SELECT FROM pg_inherits WHERE inhrelid = to_regclass('${table}')) THEN
        RETURN;
      END IF;
      CREATE TABLE IF NOT EXISTS ${table} (LIKE samples INCLUDING ALL);
      ALTER TABLE samples ATTACH PARTITION ${table} FOR VALUES FROM ('${from}') TO ('${to}');
    END $make$`;
}
