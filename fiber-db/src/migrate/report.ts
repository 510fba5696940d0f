import { appliedMigrations } from "./bookkeeping.js";
import { headOf } from "./history.js";
import { loadMigrations } from "./load-migrations.js";
import type { MigrateOptions } from "./migrate.js";
import { migrationTitle } from "./migration-file.js";
import { type SchemaFit, schemaFit } from "./schema-fit.js";
import { withConnection } from "./session.js";

/** Which database to look at, and with which files. */
export type ReportOptions = Pick<MigrateOptions, "connectionString" | "folder">;

/** Where a database stands. */
export interface CurrentRevision {
  /** Null when nothing is applied. */
  readonly revision: string | null;
  readonly isHead: boolean;
  /** The migration that a kill left half-done, and which way it went; null normally. */
  readonly unfinished: { readonly revision: string; readonly status: string } | null;
}

/** One migration as the files and the database know it. */
export interface HistoryEntry {
  readonly revision: string;
  /** The revision below it; null for the first. */
  readonly below: string | null;
  readonly title: string;
  readonly kind: "reversible" | "lossy";
  readonly why: string;
  readonly isHead: boolean;
  /** When and by which release it was applied; null when it is not. */
  readonly applied: { readonly at: Date; readonly release: string } | null;
  /** False for a migration that only the database knows: it is ahead of this release. */
  readonly known: boolean;
}

/** The revision a database is at. */
export async function currentRevision(options: ReportOptions): Promise<CurrentRevision> {
  const migrations = await loadMigrations(options.folder);
  const applied = await withConnection(options.connectionString, appliedMigrations);
  const revision = headOf(applied);
  const last = applied.at(-1);
  return {
    revision,
    isHead: revision !== null && revision === migrations.at(-1)?.revision,
    unfinished:
      last === undefined || last.status === "applied"
        ? null
        : { revision: last.revision, status: last.status },
  };
}

/** All migrations that the files or the database know, newest first. */
export async function history(options: ReportOptions): Promise<readonly HistoryEntry[]> {
  const migrations = await loadMigrations(options.folder);
  const applied = await withConnection(options.connectionString, appliedMigrations);
  const rows = new Map(applied.map((row) => [row.revision, row]));
  const unknown = applied.filter(
    (row) => !migrations.some((migration) => migration.revision === row.revision),
  );
  const all = [...migrations, ...unknown];
  const entries = all.map((migration, at): HistoryEntry => {
    const row = rows.get(migration.revision);
    return {
      revision: migration.revision,
      below: all[at - 1]?.revision ?? null,
      title: migrationTitle(migration),
      kind: migration.kind,
      why: migration.why,
      isHead: at === migrations.length - 1,
      applied: row?.status === "applied" ? { at: row.appliedAt, release: row.release } : null,
      known: at < migrations.length,
    };
  });
  return entries.reverse();
}

/**
 * Reads all migration files and compares them with the database.
 *
 * @throws FiberError MIGRATION_INVALID, MIGRATION_MISSING
 */
export async function checkMigrations(options: ReportOptions): Promise<SchemaFit> {
  const migrations = await loadMigrations(options.folder);
  return withConnection(options.connectionString, (db) => schemaFit(db, { migrations }));
}
