import type pg from "pg";
import { FiberError } from "#contracts";
import { watchBlockers } from "./blockers.js";
import {
  type AppliedMigration,
  forgetMigration,
  markReverting,
  rememberMigration,
} from "./bookkeeping.js";
import { type Migration, migrationTitle } from "./migration-file.js";
import { readSchemaShape } from "./schema-shape.js";
import type { MigrationSession } from "./session.js";
import { clearOwnIndex, type IndexState, indexState } from "./unfinished-index.js";

const DEADLOCK_ATTEMPTS = 5;

/** Time-outs of one step. */
export interface StepLimits {
  /** How long a step may wait for a lock, with everybody else waiting behind it. */
  readonly lockTimeoutMs: number;
  readonly statementTimeoutMs: number;
}

/**
 * Applies one migration and remembers it. In a transaction, unless its file says otherwise: then
 * it is remembered as `applying` first, and a repetition drops what a kill left of its index.
 *
 * @throws FiberError LOCK_TIMEOUT naming who was in the way, MIGRATION_FAILED
 */
export async function applyMigration(
  session: MigrationSession,
  migration: Migration,
  options: StepLimits & {
    readonly release: string;
    readonly unfinished: AppliedMigration | undefined;
  },
): Promise<void> {
  const { db } = session;
  const { release } = options;
  const what = `Migration ${migration.revision} (${migrationTitle(migration)})`;
  if (migration.transactional) {
    await inStep(session, what, options, migration, async () => {
      await db.query(migration.upSql);
      const shape = await readSchemaShape(db);
      await rememberMigration(db, migration, { release, status: "applied", shape });
    });
    return;
  }
  await rememberMigration(db, migration, { release, status: "applying", shape: null });
  await withoutTransaction(session, what, options, migration, async () => {
    const left = options.unfinished
      ? await clearLeftovers(db, options.unfinished, migration)
      : "absent";
    if (left !== "valid") await db.query(migration.upSql);
  });
  const shape = await readSchemaShape(db);
  await rememberMigration(db, migration, { release, status: "applied", shape });
}

/**
 * Takes one migration back with the SQL that was stored when it was applied, and forgets it.
 *
 * @throws FiberError LOCK_TIMEOUT naming who was in the way, MIGRATION_FAILED
 */
export async function revertMigration(
  session: MigrationSession,
  row: AppliedMigration,
  limits: StepLimits,
): Promise<void> {
  const { db } = session;
  const what = `Taking back ${row.revision} (${migrationTitle(row)})`;
  if (row.transactional) {
    await inStep(session, what, limits, null, async () => {
      await db.query(row.downSql);
      await forgetMigration(db, row.revision);
    });
    return;
  }
  const repeated = row.status !== "applied";
  await markReverting(db, row.revision);
  await withoutTransaction(session, what, limits, null, async () => {
    const gone = repeated && (await indexState(db, row.downSql)) === "absent";
    if (!gone) await db.query(row.downSql);
  });
  await forgetMigration(db, row.revision);
}

/** Drops the invalid index of an interrupted attempt, whose file may have been mended since. */
async function clearLeftovers(
  db: pg.Client,
  attempt: AppliedMigration,
  migration: Migration,
): Promise<IndexState> {
  await clearOwnIndex(db, attempt.downSql);
  return clearOwnIndex(db, migration.upSql);
}

async function inStep(
  session: MigrationSession,
  what: string,
  limits: StepLimits,
  file: Migration | null,
  work: () => Promise<void>,
): Promise<void> {
  const { db } = session;
  const transaction = async () => {
    await db.query("BEGIN");
    try {
      await setLimits(db, limits, true);
      await work();
      session.assertLocked();
      await db.query("COMMIT");
    } catch (cause) {
      await db.query("ROLLBACK").catch(() => {});
      throw cause;
    }
  };
  await watched(session, what, file, async () => {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await transaction();
      } catch (cause) {
        // Against live traffic the server may choose us; nothing was changed, so try again.
        if (!isDeadlock(cause) || attempt === DEADLOCK_ATTEMPTS) throw cause;
      }
    }
  });
}

async function withoutTransaction(
  session: MigrationSession,
  what: string,
  limits: StepLimits,
  file: Migration | null,
  work: () => Promise<void>,
): Promise<void> {
  // CONCURRENTLY waits for old transactions with nobody waiting behind it: no lock time-out.
  await setLimits(session.db, { ...limits, lockTimeoutMs: 0 }, false);
  await watched(session, what, file, work);
}

async function setLimits(db: pg.Client, limits: StepLimits, local: boolean): Promise<void> {
  await db.query(
    "SELECT set_config('lock_timeout', $1, $3), set_config('statement_timeout', $2, $3)",
    [String(limits.lockTimeoutMs), String(limits.statementTimeoutMs), local],
  );
}

async function watched(
  session: MigrationSession,
  what: string,
  file: Migration | null,
  work: () => Promise<void>,
): Promise<void> {
  const blockers = await watchBlockers(session);
  try {
    await work();
  } catch (cause) {
    throw stepError(what, cause, await blockers.stop(), file);
  }
  await blockers.stop();
}

function stepError(
  what: string,
  cause: unknown,
  blockers: string,
  file: Migration | null,
): unknown {
  if (cause instanceof FiberError || !(cause instanceof Error)) return cause;
  const { code, position } = cause as { code?: string; position?: string };
  if (code === "55P03") {
    return new FiberError(
      "LOCK_TIMEOUT",
      `${what} waited too long for a lock and changed nothing. In the way: ${blockers}. ` +
        "Let that session finish, or end it with SELECT pg_terminate_backend(pid), and run the " +
        "command again.",
      { cause },
    );
  }
  const line =
    file && position
      ? ` (${file.revision}_${file.slug}.sql, line ${file.upLine + lineOf(file.upSql, Number(position))})`
      : "";
  return new FiberError("MIGRATION_FAILED", `${what} failed: ${cause.message}${line}.`, { cause });
}

function isDeadlock(cause: unknown): boolean {
  return (cause as { code?: unknown }).code === "40P01";
}

function lineOf(sql: string, position: number): number {
  return sql.slice(0, position - 1).split("\n").length;
}
