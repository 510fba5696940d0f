import { FiberError } from "#contracts";
import type { AppliedMigration } from "./bookkeeping.js";
import { type Migration, migrationTitle } from "./migration-file.js";

/** Why this release must not change this database. */
export interface HistoryProblem {
  readonly kind: "ahead" | "inconsistent";
  readonly code: "SCHEMA_AHEAD" | "MIGRATION_EDITED" | "SCHEMA_INCONSISTENT";
  readonly message: string;
}

/**
 * Compares what the database remembers with the files of this release. Null when the database
 * stands somewhere on the files' own way.
 */
export function historyProblem(
  migrations: readonly Migration[],
  applied: readonly AppliedMigration[],
): HistoryProblem | null {
  return gap(applied) ?? ahead(migrations, applied) ?? edited(migrations, applied);
}

/** @throws FiberError with the problem's code, when there is one */
export function refuseProblem(problem: HistoryProblem | null): void {
  if (problem !== null) throw new FiberError(problem.code, problem.message);
}

/** The newest revision that is applied in full, or null for an empty database. */
export function headOf(applied: readonly AppliedMigration[]): string | null {
  return applied.filter((row) => row.status !== "applying").at(-1)?.revision ?? null;
}

function gap(applied: readonly AppliedMigration[]): HistoryProblem | null {
  const broken = applied.findIndex((row, at) => row.revision !== String(at + 1).padStart(4, "0"));
  const unfinished = applied.slice(0, -1).find((row) => row.status !== "applied");
  if (broken < 0 && unfinished === undefined) return null;
  const what =
    broken >= 0
      ? `migration ${String(broken + 1).padStart(4, "0")} is not recorded though later ones are`
      : `migration ${unfinished?.revision} is recorded as ${unfinished?.status} though later ones are applied`;
  return {
    kind: "inconsistent",
    code: "SCHEMA_INCONSISTENT",
    message:
      `The database's record of migrations is broken: ${what}. ` +
      "Restore the database from a backup (fiber restore).",
  };
}

function ahead(
  migrations: readonly Migration[],
  applied: readonly AppliedMigration[],
): HistoryProblem | null {
  const unknown = applied.slice(migrations.length);
  const newest = unknown.at(-1);
  if (newest === undefined) return null;
  const head = migrations.at(-1)?.revision ?? "base";
  const names = unknown.map((row) => `${row.revision} (${migrationTitle(row)})`).join(", ");
  return {
    kind: "ahead",
    code: "SCHEMA_AHEAD",
    message:
      `The database is ahead of this release: ${names}, applied by release ${newest.release}, ` +
      `unknown here; this release knows up to ${head}. Run release ${newest.release}, or take the ` +
      `database back with: fiber migrate downgrade ${head}`,
  };
}

function edited(
  migrations: readonly Migration[],
  applied: readonly AppliedMigration[],
): HistoryProblem | null {
  for (const [at, row] of applied.entries()) {
    const file = migrations[at];
    // A step that failed half-way may be mended and tried again.
    if (file === undefined || row.status === "applying") continue;
    const part =
      file.upChecksum !== row.upChecksum
        ? "up"
        : file.downChecksum !== row.downChecksum
          ? "down"
          : null;
    if (part === null) continue;
    return {
      kind: "inconsistent",
      code: "MIGRATION_EDITED",
      message:
        `Migration ${file.revision}_${file.slug}.sql is not what release ${row.release} applied on ` +
        `${row.appliedAt.toISOString()} as ${row.slug}: its ${part} part was edited. Put the file ` +
        "back (git checkout -- fiber-db/migrations) and write a new migration for the change.",
    };
  }
  return null;
}
