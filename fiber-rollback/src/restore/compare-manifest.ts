import { FiberError } from "#contracts";
import {
  groupsTable,
  listDumpedTables,
  makeTargetGroups,
  readTableFigures,
  readTableShapes,
  type Session,
} from "#db";
import type { Manifest } from "../backup/manifest.js";

/** A table whose rows are not what the manifest says. */
export interface TableDifference {
  readonly table: string;
  readonly expected: { readonly rows: number; readonly hash: string } | null;
  readonly found: { readonly rows: number; readonly hash: string } | null;
}

/**
 * Counts and hashes every row of a restored database and compares with the manifest. Tables cut by
 * time leave their figures by hour behind, for carrying over.
 *
 * @param manifest null: nothing to compare with, only the figures by hour are made
 * @returns the tables that differ; none when all is as the manifest says
 */
export async function compareWithManifest(
  session: Session,
  manifest: Manifest | null,
): Promise<readonly TableDifference[]> {
  const found = new Map<string, { rows: number; hash: string }>();
  const shapes = await readTableShapes(session);
  for (const shape of shapes.values()) {
    if (shape.partitionColumn === null) continue;
    await makeTargetGroups(session, shape);
    const { rows } = await session.query<{ rows: number; hash: string }>(
      `SELECT coalesce(sum(rows), 0)::float8 AS rows, coalesce(sum(whole), 0)::text AS hash
         FROM ${groupsTable(shape)}`,
    );
    if (rows[0]) found.set(shape.name, rows[0]);
  }
  if (manifest === null) return [];
  await session.query("BEGIN");
  for (const table of await listDumpedTables(session)) {
    if (table.name.startsWith("fiber_restore.") || found.has(table.name)) continue;
    const { rows, hash } = await readTableFigures(session, table);
    found.set(table.name, { rows, hash });
  }
  await session.query("COMMIT");
  const expected = new Map(manifest.tables.map((table) => [table.name, table]));
  return [...new Set([...expected.keys(), ...found.keys()])].flatMap((table) => {
    const want = expected.get(table) ?? null;
    const have = found.get(table) ?? null;
    if (want !== null && have?.rows === want.rows && have.hash === want.hash) return [];
    return [{ table, expected: want, found: have }];
  });
}

/**
 * @throws FiberError RESTORE_DIFFERS naming the tables, when there are differences
 */
export function refuseDifferences(differences: readonly TableDifference[], path: string): void {
  if (differences.length === 0) return;
  const words = differences.map(({ table, expected, found }) => {
    const rows = (side: TableDifference["found"]) =>
      side === null ? "absent" : `${side.rows} rows`;
    const same = expected?.rows === found?.rows ? ", other values" : "";
    return `${table}: ${rows(found)} where the manifest says ${rows(expected)}${same}`;
  });
  throw new FiberError(
    "RESTORE_DIFFERS",
    `What ${path} restores is not what its manifest says:\n  ${words.join("\n  ")}\n` +
      "The live database was not touched. Choose another backup: fiber backup list",
  );
}
