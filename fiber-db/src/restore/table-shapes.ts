import type { Db } from "../pool.js";

/** What happens to a table's rows in a restore: the first word of its comment. */
export type TableClass = "append" | "state" | "derived" | "control";

/** A column as the catalogue has it. */
export interface ColumnShape {
  readonly name: string;
  /** As `format_type` prints it. */
  readonly type: string;
  readonly notNull: boolean;
  /** Filled by the database when left out: a default, an identity, a generated value. */
  readonly filled: boolean;
  /** An identity or a sequence's default. */
  readonly numbered: boolean;
  readonly generated: boolean;
}

/** A table of schema public, without its partitions. */
export interface TableShape {
  readonly name: string;
  /** Null when the comment names no class. */
  readonly class: TableClass | null;
  /** In the table's own order. */
  readonly columns: readonly ColumnShape[];
  readonly primaryKey: readonly string[];
  readonly uniqueKeys: readonly (readonly string[])[];
  /** Tables that a foreign key names. */
  readonly parents: readonly string[];
  /** The column of a range-partitioned table by which it is cut, else null. */
  readonly partitionColumn: string | null;
}

interface Row {
  name: string;
  comment: string | null;
  columns: ColumnShape[];
  primary_key: string[] | null;
  unique_keys: string[][] | null;
  parents: string[] | null;
  partition_column: string | null;
}

const SHAPES = `
  SELECT c.relname AS name, obj_description(c.oid, 'pg_class') AS comment,
    (SELECT json_agg(json_build_object(
              'name', a.attname, 'type', format_type(a.atttypid, a.atttypmod),
              'notNull', a.attnotnull, 'filled', a.atthasdef OR a.attidentity <> '',
              'numbered', a.attidentity <> ''
                OR coalesce(pg_get_expr(d.adbin, d.adrelid) LIKE 'nextval(%', false),
              'generated', a.attgenerated <> '') ORDER BY a.attnum)
       FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
      WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns,
    (SELECT k.names FROM keys k WHERE k.conrelid = c.oid AND k.contype = 'p') AS primary_key,
    (SELECT json_agg(k.names ORDER BY k.conname) FROM keys k
      WHERE k.conrelid = c.oid AND k.contype = 'u') AS unique_keys,
    (SELECT json_agg(DISTINCT p.relname) FROM pg_constraint f JOIN pg_class p ON p.oid = f.confrelid
      WHERE f.conrelid = c.oid AND f.contype = 'f' AND p.oid <> c.oid) AS parents,
    (SELECT a.attname FROM pg_partitioned_table t JOIN pg_attribute a
         ON a.attrelid = t.partrelid AND a.attnum = t.partattrs[0]
      WHERE t.partrelid = c.oid AND t.partstrat = 'r' AND t.partnatts = 1) AS partition_column
  FROM pg_class c
  WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
    AND NOT c.relispartition
  ORDER BY c.relname`;

const KEYS = `
  SELECT n.conrelid, n.conname, n.contype,
         (SELECT json_agg(a.attname ORDER BY k.position)
            FROM unnest(n.conkey) WITH ORDINALITY k (number, position)
            JOIN pg_attribute a ON a.attrelid = n.conrelid AND a.attnum = k.number) AS names
    FROM pg_constraint n WHERE n.contype IN ('p', 'u')`;

/** Reads the shapes of all tables of schema public, by name. */
export async function readTableShapes(db: Db): Promise<ReadonlyMap<string, TableShape>> {
  const { rows } = await db.query<Row>(`WITH keys AS (${KEYS}) ${SHAPES}`);
  return new Map(
    rows.map((row) => [
      row.name,
      {
        name: row.name,
        class: tableClass(row.comment),
        columns: row.columns ?? [],
        primaryKey: row.primary_key ?? [],
        uniqueKeys: row.unique_keys ?? [],
        parents: row.parents ?? [],
        partitionColumn: row.partition_column,
      },
    ]),
  );
}

/** The class that a table's comment begins with, null for none. */
function tableClass(comment: string | null): TableClass | null {
  const word = /^(append|state|derived|control):/.exec(comment ?? "")?.[1];
  return (word as TableClass | undefined) ?? null;
}

/**
 * The columns that say which row is which in every database: the primary key, unless the database
 * numbers it; then the first unique key without such a number, else all columns but the number.
 */
export function naturalKey(shape: TableShape): readonly string[] {
  const numbered = new Set(shape.columns.filter((c) => c.numbered).map((c) => c.name));
  const plain = (key: readonly string[]) =>
    key.length > 0 && key.every((column) => !numbered.has(column));
  if (plain(shape.primaryKey)) return shape.primaryKey;
  const unique = shape.uniqueKeys.find(plain);
  if (unique !== undefined) return unique;
  return shape.columns.filter((c) => !c.numbered && !c.generated).map((c) => c.name);
}

/** The column that the database numbers and others may refer to, null for none. */
export function surrogate(shape: TableShape): string | null {
  const [only, ...more] = shape.primaryKey;
  if (only === undefined || more.length > 0) return null;
  return shape.columns.some((c) => c.name === only && c.numbered) ? only : null;
}

/** Tables with every parent before its children; `names` that refer in a circle keep their order. */
export function parentsFirst(shapes: readonly TableShape[]): readonly TableShape[] {
  const byName = new Map(shapes.map((shape) => [shape.name, shape]));
  const owner = new Map(shapes.flatMap((s) => (surrogate(s) ? [[surrogate(s), s.name]] : [])));
  const done = new Set<string>();
  const order: TableShape[] = [];
  const visit = (shape: TableShape) => {
    if (done.has(shape.name)) return;
    done.add(shape.name);
    // A column named like another table's number refers to it, with or without a foreign key.
    const named = shape.columns.flatMap((c) => owner.get(c.name) ?? []);
    for (const parent of [...shape.parents, ...named]) {
      const found = byName.get(parent);
      if (found !== undefined) visit(found);
    }
    order.push(shape);
  };
  for (const shape of shapes) visit(shape);
  return order;
}
