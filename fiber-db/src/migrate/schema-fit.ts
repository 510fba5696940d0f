import type { Db } from "../pool.js";
import { type AppliedMigration, appliedMigrations } from "./bookkeeping.js";
import { headOf, historyProblem } from "./history.js";
import { loadMigrations } from "./load-migrations.js";
import type { Migration } from "./migration-file.js";
import { readSchemaShape, type SchemaShape, shapeDifferences } from "./schema-shape.js";

/** Whether a database's schema is the one this release works with. */
export interface SchemaFit {
  readonly kind: "fits" | "behind" | "ahead" | "inconsistent";
  /** The revision the database is at; null when nothing is applied. */
  readonly current: string | null;
  /** The newest revision this release knows. */
  readonly head: string;
  /** What is wrong and what to do; absent when it fits. */
  readonly message?: string;
}

const LOOKS = 3;
const DIFFERENCES_SHOWN = 5;

/**
 * Compares a database with this release: its record of migrations with the files, and its tables
 * with what they were after the last migration. Read-only, a few milliseconds.
 *
 * @throws what the driver throws when the database is away, and FiberError for unusable files
 */
export async function schemaFit(
  db: Db,
  options: { readonly folder?: string; readonly migrations?: readonly Migration[] } = {},
): Promise<SchemaFit> {
  const migrations = options.migrations ?? (await loadMigrations(options.folder));
  for (let look = 1; ; look += 1) {
    const applied = await appliedMigrations(db);
    const fit = judge(migrations, applied, await readSchemaShape(db), await loosePartitions(db));
    if (fit.kind !== "inconsistent" || look === LOOKS) return fit;
    // A migration may have been committed between the two looks.
    if (sameState(applied, await appliedMigrations(db))) return fit;
  }
}

/** The verdict on facts already read. */
function judge(
  migrations: readonly Migration[],
  applied: readonly AppliedMigration[],
  found: SchemaShape,
  loose: readonly string[],
): SchemaFit {
  const head = migrations.at(-1)?.revision ?? "base";
  const current = headOf(applied);
  const problem = historyProblem(migrations, applied);
  if (problem !== null) return { kind: problem.kind, current, head, message: problem.message };
  const last = applied.at(-1);
  if (last !== undefined && last.status !== "applied") {
    const message =
      `Migration ${last.revision} is ${last.status}, or was interrupted at it. If no migration ` +
      "runs now, finish it with: fiber migrate upgrade head";
    return { kind: "behind", current, head, message };
  }
  const broken = [...shapeDifferences(last?.shape ?? {}, found), ...loose];
  if (broken.length > 0) {
    return { kind: "inconsistent", current, head, message: inconsistency(current, broken) };
  }
  if (applied.length === migrations.length) return { kind: "fits", current, head };
  const message =
    `The schema is at ${current ?? "base"}, this release works with ${head}. ` +
    "Bring it up with: fiber migrate upgrade head";
  return { kind: "behind", current, head, message };
}

function inconsistency(current: string | null, broken: readonly string[]): string {
  const shown = broken.slice(0, DIFFERENCES_SHOWN).join("; ");
  const more =
    broken.length > DIFFERENCES_SHOWN ? ` and ${broken.length - DIFFERENCES_SHOWN} more` : "";
  return (
    `The schema is not that of revision ${current ?? "base"}: ${shown}${more}. A restore into a ` +
    "living database or a change by hand does this. Restore a backup beside it and swap (fiber " +
    "restore)."
  );
}

/**
 * Days of samples that no longer belong to the table, when none does: what `pg_restore --clean`
 * leaves. A single loose day is normal while upkeep attaches or removes it.
 */
async function loosePartitions(db: Db): Promise<readonly string[]> {
  const { rows } = await db.query<{ name: string; attached: boolean }>(
    `SELECT relname AS name, relispartition AS attached FROM pg_class
     WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r'
       AND relname ~ '^samples_[0-9]{8}$' ORDER BY relname`,
  );
  if (rows.some((row) => row.attached)) return [];
  return rows.map((row) => `partition ${row.name} is detached`);
}

function sameState(
  before: readonly AppliedMigration[],
  after: readonly AppliedMigration[],
): boolean {
  const state = (rows: readonly AppliedMigration[]) =>
    rows.map((row) => `${row.revision} ${row.status} ${row.appliedAt.getTime()}`).join();
  return state(before) === state(after);
}
