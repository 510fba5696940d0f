import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { FiberError } from "#contracts";
import { packageRoot } from "#runtime";
import { type Migration, parseMigration } from "./migration-file.js";

/** Where the product's own migrations lie. */
export const MIGRATIONS_FOLDER: string = join(packageRoot, "fiber-db", "migrations");

/**
 * Reads all migrations of a folder, in order. Files other than `*.sql` are ignored.
 *
 * @throws FiberError MIGRATION_INVALID, MIGRATION_MISSING when a number is left out
 */
export async function loadMigrations(folder = MIGRATIONS_FOLDER): Promise<readonly Migration[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith(".sql"));
  const files = await Promise.all(
    names.map(async (name) => ({ name, text: await readFile(join(folder, name), "utf8") })),
  );
  return orderMigrations(files, folder);
}

/**
 * Reads migrations from files wherever they lie, and puts them in order.
 *
 * @param folder where they were found, for messages
 * @throws FiberError as loadMigrations
 */
export function orderMigrations(
  files: readonly { readonly name: string; readonly text: string }[],
  folder: string,
): readonly Migration[] {
  const migrations = files
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, text }) => parseMigration(name, text));
  migrations.forEach((migration, index) => {
    const expected = String(index + 1).padStart(4, "0");
    if (migration.revision === expected) return;
    if (migration.revision < expected) {
      throw new FiberError(
        "MIGRATION_INVALID",
        `${folder} holds two migrations numbered ${migration.revision}: renumber the newer one.`,
      );
    }
    throw new FiberError(
      "MIGRATION_MISSING",
      `Migration ${expected} is missing from ${folder}, though ${migration.revision} is there. ` +
        "Restore it from git (git checkout -- fiber-db/migrations) or reinstall the package.",
    );
  });
  return migrations;
}
