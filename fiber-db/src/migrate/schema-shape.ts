import type { Db } from "../pool.js";
import { HOLD_TABLE } from "./hold.js";

/** What makes one table itself: its kind, columns, keys and indexes, each as one line of text. */
type TableShape = readonly string[];

/** The product's tables by name; partitions and the migrations' own tables are left out. */
export type SchemaShape = Readonly<Record<string, TableShape>>;

/**
 * Reads the shape of all tables that carry a class comment (state, append, derived, control).
 * One query on the catalog; a few milliseconds.
 */
export async function readSchemaShape(db: Db): Promise<SchemaShape> {
  const { rows } = await db.query<{ name: string; parts: string[] }>(`
    SELECT c.relname AS name, array_agg(part ORDER BY part COLLATE "C") AS parts
    FROM pg_class c
    CROSS JOIN LATERAL (
      SELECT CASE c.relkind WHEN 'p' THEN 'partitioned table' ELSE 'table' END AS part
      UNION ALL
      SELECT format('column %s %s%s', a.attname, format_type(a.atttypid, a.atttypmod),
                    CASE WHEN a.attnotnull THEN ' not null' ELSE '' END)
      FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
      UNION ALL
      SELECT format('constraint %s', n.conname) FROM pg_constraint n
      WHERE n.conrelid = c.oid AND n.contype IN ('p', 'u', 'f', 'c', 'x')
      UNION ALL
      SELECT format('index %s', i.relname)
      FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid
      WHERE x.indrelid = c.oid AND x.indisvalid
    ) parts
    WHERE c.relnamespace = current_schema()::regnamespace
      AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relname NOT IN ('fiber_migrations', '${HOLD_TABLE}')
      AND obj_description(c.oid, 'pg_class') ~ '^(state|append|derived|control): '
    GROUP BY c.relname`);
  return Object.fromEntries(rows.map((row) => [row.name, row.parts]));
}

/** What differs between two shapes, in sentences; nothing when they are equal. */
export function shapeDifferences(expected: SchemaShape, found: SchemaShape): readonly string[] {
  const differences: string[] = [];
  for (const [table, parts] of Object.entries(expected)) {
    const has = found[table];
    if (has === undefined) {
      differences.push(`table ${table} is missing`);
      continue;
    }
    for (const part of parts) if (!has.includes(part)) differences.push(`${table} lacks ${part}`);
    for (const part of has) if (!parts.includes(part)) differences.push(`${table} has ${part}`);
  }
  for (const table of Object.keys(found)) {
    if (expected[table] === undefined) differences.push(`table ${table} should not be there`);
  }
  return differences;
}
