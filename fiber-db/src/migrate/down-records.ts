import { open, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { FiberError } from "#contracts";
import { type AppliedMigration, appliedMigrations } from "./bookkeeping.js";
import { loadMigrations } from "./load-migrations.js";
import { sha256 } from "./migration-file.js";
import { withConnection } from "./session.js";
import { downgradeTarget } from "./targets.js";

const recordsSchema = z.object({
  format: z.literal(1),
  /** By revision: SHA-256 of the ways back that were applied with it. */
  downs: z.record(z.string(), z.array(z.string())),
});

/** Where an installation notes the checksums of its migrations' ways back. */
export function migrationRecordFile(stateDir: string): string {
  return join(stateDir, "migrations.json");
}

/**
 * Notes the checksums of applied ways back in a file outside the database, so that what the
 * database says later can be held against it.
 */
export async function recordDowns(
  path: string,
  applied: readonly AppliedMigration[],
): Promise<void> {
  const downs = await readRecords(path);
  const fresh = applied.filter((row) => downs[row.revision]?.includes(row.downChecksum) !== true);
  if (fresh.length === 0) return;
  const added = Object.fromEntries(
    fresh.map((row) => [row.revision, [...(downs[row.revision] ?? []), row.downChecksum]]),
  );
  const unfinished = `${path}.${process.pid}.partial`;
  const file = await open(unfinished, "w", 0o600);
  try {
    await file.writeFile(
      `${JSON.stringify({ format: 1, downs: { ...downs, ...added } }, null, 2)}\n`,
    );
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(unfinished, path);
}

/**
 * Holds the stored ways back that a downgrade would run against this release's files and the
 * record outside the database.
 *
 * @returns the revisions that nothing outside the database vouches for
 * @throws FiberError MIGRATION_TAMPERED when a stored way back is not the one that was recorded
 */
export async function unrecordedDowns(options: {
  readonly connectionString: string;
  /** Files of the release that applied them; null: none are there to compare with. */
  readonly folder?: string | null;
  readonly target: string;
  readonly recordFile: string;
}): Promise<readonly string[]> {
  const applied = await withConnection(options.connectionString, appliedMigrations);
  const undone = applied.slice(downgradeTarget(options.target, applied.length));
  const { folder } = options;
  const own = folder === null ? [] : await loadMigrations(folder);
  const files = new Map(own.map((migration) => [migration.revision, migration]));
  const downs = await readRecords(options.recordFile);
  return undone.flatMap((row) => {
    const actual = sha256(row.downSql);
    const known = downs[row.revision] ?? [];
    const filed = files.get(row.revision)?.downChecksum;
    if (actual === row.downChecksum && (actual === filed || known.includes(actual))) return [];
    if (actual === row.downChecksum && filed === undefined && known.length === 0) {
      return [row.revision];
    }
    throw new FiberError(
      "MIGRATION_TAMPERED",
      `The way back of migration ${row.revision} that the database holds is not the one that was ` +
        "applied with it. Nothing was changed. Look at it (SELECT down_sql FROM fiber_migrations), " +
        "or restore a backup: fiber restore.",
    );
  });
}

async function readRecords(path: string): Promise<Readonly<Record<string, string[]>>> {
  const text = await readFile(path, "utf8").catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === "ENOENT") return null;
    throw cause;
  });
  return text === null ? {} : recordsSchema.parse(JSON.parse(text)).downs;
}
