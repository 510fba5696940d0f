import { type AppliedMigration, appliedMigrations, ensureBookkeeping } from "./bookkeeping.js";
import { recordDowns } from "./down-records.js";
import { headOf, historyProblem, refuseProblem } from "./history.js";
import { holdMigrations, type MigrationHold, readHold, releaseHold } from "./hold.js";
import { loadMigrations } from "./load-migrations.js";
import { type Migration, migrationTitle } from "./migration-file.js";
import { applyMigration, revertMigration, type StepLimits } from "./run-step.js";
import { type MigrationSession, withMigrationSession } from "./session.js";
import { downgradeTarget, upgradeTarget } from "./targets.js";

/** One step of the schema, up or down. Revisions are null at the base. */
export interface MigrationStep {
  readonly direction: "upgrade" | "downgrade";
  readonly from: string | null;
  readonly to: string | null;
  /** The revision that is applied or taken back. */
  readonly revision: string;
  readonly title: string;
  readonly kind: "reversible" | "lossy";
  readonly why: string;
  /** The release that applied it, for a way down. */
  readonly release: string | null;
  readonly sql: string;
}

/** What every migration command needs. */
export interface MigrateOptions {
  readonly connectionString: string;
  /** Where the migrations lie; the product's own by default. */
  readonly folder?: string;
  /** The release that applies them; "dev" by default. */
  readonly release?: string;
  /** How long to wait for another migrator; 30 s by default. */
  readonly waitMs?: number;
  /** How long a step may wait for a lock; 5 s by default. */
  readonly lockTimeoutMs?: number;
  /** How long one statement may run; an hour by default. */
  readonly statementTimeoutMs?: number;
  /** Called before each step. */
  readonly onStep?: (step: MigrationStep) => void;
  /** Only plan: change nothing. */
  readonly dryRun?: boolean;
  /** File outside the database in which the checksums of the ways back are noted. */
  readonly recordFile?: string;
}

/** What a migration command did, or with `dryRun` would do. */
export interface MigrateResult {
  readonly from: string | null;
  readonly to: string | null;
  readonly steps: readonly MigrationStep[];
  /** The hold for which nothing was done, with `unlessHeld`. */
  readonly held?: MigrationHold;
}

/**
 * Applies migrations up to `target`: `head`, `+n` or a revision. Running it again does nothing.
 * Being asked for, it ends a hold; with `unlessHeld`, for starts, it leaves a held schema alone.
 *
 * @throws FiberError USAGE, MIGRATION_LOCKED, LOCK_TIMEOUT, MIGRATION_FAILED, and before anything is changed
 * SCHEMA_AHEAD, MIGRATION_EDITED, MIGRATION_MISSING, SCHEMA_INCONSISTENT
 */
export async function upgrade(
  options: MigrateOptions & { readonly target?: string; readonly unlessHeld?: boolean },
): Promise<MigrateResult> {
  const migrations = await loadMigrations(options.folder);
  return withSession(options, async (session) => {
    const applied = await appliedMigrations(session.db);
    const held = options.unlessHeld === true ? await readHold(session.db) : null;
    if (held !== null) return { ...result(applied, []), held };
    refuseProblem(historyProblem(migrations, applied));
    const done = applied.filter((row) => row.status === "applied").length;
    const wanted = upgradeTarget(options.target ?? "head", migrations.length, done);
    const todo = migrations.slice(done, wanted);
    const steps = todo.map((migration, at) => upStep(migration, migrations[done + at - 1]));
    if (!options.dryRun) {
      await ensureBookkeeping(session.db);
      for (const [at, migration] of todo.entries()) {
        announce(options, session, steps[at]);
        await applyMigration(session, migration, {
          ...limits(options),
          release: options.release ?? "dev",
          unfinished: applied.find((row) => row.revision === migration.revision),
        });
      }
      await releaseHold(session.db);
      const { recordFile } = options;
      if (recordFile !== undefined) {
        await recordDowns(recordFile, await appliedMigrations(session.db));
      }
    }
    return result(applied, steps);
  });
}

/**
 * Takes migrations back to `target`: `base`, `-n` or the revision to keep, with the SQL stored in
 * the database, so that an older release can do it too, and holds the schema there: no start
 * upgrades it again. Says nothing about loss: ask
 * {@link plannedLoss} first.
 *
 * @throws FiberError USAGE, MIGRATION_LOCKED, LOCK_TIMEOUT, MIGRATION_FAILED
 */
export async function downgrade(
  options: MigrateOptions & { readonly target: string },
): Promise<MigrateResult> {
  return withSession(options, async (session) => {
    const applied = await appliedMigrations(session.db);
    const keep = downgradeTarget(options.target, applied.length);
    const todo = applied.slice(keep).reverse();
    const steps = todo.map((row) => downStep(row, applied));
    if (!options.dryRun) {
      // Before the first step, so that a kill in between leaves nothing that a start would undo.
      const reason = `fiber migrate downgrade ${options.target}`;
      const kept = applied[keep - 1]?.revision ?? null;
      if (todo.length > 0) await holdMigrations(session.db, { revision: kept, reason });
      for (const [at, row] of todo.entries()) {
        announce(options, session, steps[at]);
        await revertMigration(session, row, limits(options));
      }
    }
    return result(applied, steps);
  });
}

function withSession<T>(
  options: MigrateOptions,
  work: (session: MigrationSession) => Promise<T>,
): Promise<T> {
  const { connectionString, waitMs = 30_000 } = options;
  return withMigrationSession({ connectionString, waitMs }, work);
}

function announce(
  options: MigrateOptions,
  session: MigrationSession,
  step: MigrationStep | undefined,
): void {
  session.assertLocked();
  if (step) options.onStep?.(step);
}

function limits(options: MigrateOptions): StepLimits {
  return {
    lockTimeoutMs: options.lockTimeoutMs ?? 5_000,
    statementTimeoutMs: options.statementTimeoutMs ?? 3_600_000,
  };
}

function result(
  applied: readonly AppliedMigration[],
  steps: readonly MigrationStep[],
): MigrateResult {
  const from = headOf(applied);
  const last = steps.at(-1);
  return { from, to: last === undefined ? from : last.to, steps };
}

function upStep(migration: Migration, before: Migration | undefined): MigrationStep {
  const { revision, kind, why, upSql } = migration;
  const title = migrationTitle(migration);
  const from = before?.revision ?? null;
  const step = { revision, title, kind, why, release: null, sql: upSql };
  return { direction: "upgrade", from, to: revision, ...step };
}

function downStep(row: AppliedMigration, applied: readonly AppliedMigration[]): MigrationStep {
  const { revision, kind, why, release, downSql } = row;
  const to = applied[applied.indexOf(row) - 1]?.revision ?? null;
  const step = { revision, title: migrationTitle(row), kind, why, release, sql: downSql };
  return { direction: "downgrade", from: revision, to, ...step };
}
