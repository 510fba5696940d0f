import type { Db } from "../pool.js";

/** A table that a dump holds, with its leaf partitions. */
export interface DumpedTable {
  /** Unqualified in schema public, else schema-qualified; quoted where SQL needs it. */
  readonly name: string;
  /** First word of the table's comment when it is a class, else null. */
  readonly class: "append" | "state" | "derived" | "control" | null;
  readonly partitioned: boolean;
  /** Leaf partitions by name. */
  readonly partitions: readonly string[];
}

/** Rows and hash of one table or partition. */
export interface Figures {
  readonly name: string;
  readonly rows: number;
  /** Sum of every row's 64-bit hash as decimal text, so that the order of rows does not matter. */
  readonly hash: string;
}

/** Rows and hash of a table; a partitioned one's are the sums over its partitions. */
export interface TableFigures extends Figures {
  readonly partitions: readonly Figures[];
}

/** Lists the tables of all schemas of ours, without partitions and what extensions own. */
export async function listDumpedTables(db: Db): Promise<readonly DumpedTable[]> {
  const { rows } = await db.query<DumpedTable>(`
    SELECT c.oid::regclass::text AS name, c.relkind = 'p' AS partitioned,
           substring(obj_description(c.oid, 'pg_class')
                     FROM '^(append|state|derived|control):') AS class,
           ARRAY(SELECT t.relid::regclass::text FROM pg_partition_tree(c.oid) t
                  WHERE t.isleaf AND t.relid <> c.oid ORDER BY 1) AS partitions
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence <> 't'
       AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_toast'
       AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass
                          AND d.objid = c.oid AND d.deptype = 'e')
     ORDER BY 1`);
  return rows;
}

const UNDEFINED_FUNCTION = "42883";

/**
 * Counts and hashes one table's rows in the session's own snapshot. The hash is PostgreSQL's
 * `hash_record_extended(row, 0)`, the same on every server of one architecture; a table with a
 * column that has no hash (json, xml, point) is hashed by its rows' text. Inside a transaction
 * this uses a savepoint.
 */
export async function readTableFigures(db: Db, table: DumpedTable): Promise<TableFigures> {
  await db.query("SAVEPOINT fiber_figures");
  try {
    return await figures(db, table, "hash_record_extended(t, 0)");
  } catch (err) {
    if ((err as { code?: unknown }).code !== UNDEFINED_FUNCTION) throw err;
    await db.query("ROLLBACK TO SAVEPOINT fiber_figures");
    return await figures(db, table, "hashtextextended(t::text, 0)");
  }
}

async function figures(db: Db, table: DumpedTable, hash: string): Promise<TableFigures> {
  const from = table.partitioned ? table.name : `ONLY ${table.name}`;
  const { rows } = await db.query<{ name: string; rows: string; hash: string }>(
    `SELECT tableoid::regclass::text AS name, count(*) AS rows, sum(${hash})::text AS hash
       FROM ${from} t GROUP BY tableoid`,
  );
  const found = new Map(rows.map((row) => [row.name, row]));
  const of = (name: string): Figures => {
    const row = found.get(name);
    return { name, rows: Number(row?.rows ?? 0), hash: row?.hash ?? "0" };
  };
  if (!table.partitioned) return { ...of(table.name), partitions: [] };
  const partitions = table.partitions.map(of);
  return {
    name: table.name,
    rows: partitions.reduce((sum, one) => sum + one.rows, 0),
    hash: partitions.reduce((sum, one) => sum + BigInt(one.hash), 0n).toString(),
    partitions,
  };
}
