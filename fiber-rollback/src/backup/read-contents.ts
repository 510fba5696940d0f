import {
  appliedMigrations,
  type Db,
  listDumpedTables,
  readDatabaseGrants,
  readDatabaseSettings,
  readSequences,
  readTableFigures,
} from "#db";
import type { Progress } from "../progress.js";
import type { Manifest } from "./manifest.js";

/** The part of a manifest that says what the database holds. */
export type Contents = Pick<
  Manifest,
  "migrationHead" | "migrations" | "tables" | "sequences" | "acls" | "settings"
>;

/** Reads what the database holds in the session's own snapshot: counts and hashes every row. */
export async function readContents(db: Db, progress: Progress): Promise<Contents> {
  const applied = await appliedMigrations(db);
  const tables: Manifest["tables"] = [];
  let rows = 0;
  for (const table of await listDumpedTables(db)) {
    const figures = await readTableFigures(db, table);
    tables.push({ ...figures, class: table.class, partitions: [...figures.partitions] });
    rows += figures.rows;
    progress({ step: "figures", done: rows, total: null, unit: "rows" });
  }
  return {
    tables,
    migrationHead: applied.findLast((row) => row.status !== "applying")?.revision ?? null,
    migrations: applied.map(({ revision, slug, upChecksum, downChecksum }) => ({
      revision,
      slug,
      upChecksum,
      downChecksum,
    })),
    sequences: [...(await readSequences(db))],
    acls: [...(await readDatabaseGrants(db))],
    settings: [...(await readDatabaseSettings(db))],
  };
}
