import type { Manifest } from "./manifest.js";
import type { Contents } from "./read-contents.js";

/**
 * What a restored database differs in from its manifest, a sentence each: migrations, tables, rows
 * and hashes, down to the partition. Sequences are left out, because they know no snapshot.
 */
export function compareContents(
  manifest: Pick<Manifest, "migrationHead" | "tables">,
  found: Pick<Contents, "migrationHead" | "tables">,
): readonly string[] {
  const differences: string[] = [];
  if (found.migrationHead !== manifest.migrationHead) {
    differences.push(
      `migration is ${found.migrationHead ?? "none"}, not ${manifest.migrationHead ?? "none"}`,
    );
  }
  const tables = new Map(found.tables.map((table) => [table.name, table]));
  for (const expected of manifest.tables) {
    const table = tables.get(expected.name);
    tables.delete(expected.name);
    if (table === undefined) {
      differences.push(`table ${expected.name} is missing`);
      continue;
    }
    differences.push(...compareFigures(expected, table));
    const parts = new Map(table.partitions.map((part) => [part.name, part]));
    for (const part of expected.partitions) {
      const restored = parts.get(part.name);
      if (restored === undefined) differences.push(`partition ${part.name} is missing`);
      else differences.push(...compareFigures(part, restored));
    }
  }
  for (const name of tables.keys()) differences.push(`table ${name} should not be there`);
  return differences;
}

function compareFigures(
  expected: { readonly name: string; readonly rows: number; readonly hash: string },
  found: { readonly rows: number; readonly hash: string },
): readonly string[] {
  if (found.rows !== expected.rows) {
    return [`${expected.name} has ${found.rows} rows, not ${expected.rows}`];
  }
  return found.hash === expected.hash
    ? []
    : [`${expected.name} has the same number of rows with other values`];
}
