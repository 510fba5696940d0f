import type { Db } from "../pool.js";
import { quoteName } from "./session.js";
import { readTableShapes, type TableShape } from "./table-shapes.js";

/** What a table that must not lose anything held at one moment. */
export interface TableFingerprint {
  readonly table: string;
  readonly class: "append" | "state";
  readonly rows: number;
  /** Every column with its type and how many values were not null. */
  readonly columns: readonly {
    readonly name: string;
    readonly type: string;
    readonly filled: number;
  }[];
  /**
   * Sum of the hashes of all rows over `columns`, as decimal text, for append tables: their rows
   * never change. Null for state tables, whose rows do.
   */
  readonly hash: string | null;
}

/** What a table lost between two moments. */
export interface TableDamage {
  readonly table: string;
  /** In words: "lost 3 of 100 rows". */
  readonly what: string;
}

const UNDEFINED_FUNCTION = "42883";

/**
 * Reads what every append and state table holds, in the session's own snapshot. Reads each table
 * once, whole. Inside a transaction this uses savepoints.
 */
export async function readFingerprints(db: Db): Promise<readonly TableFingerprint[]> {
  const found: TableFingerprint[] = [];
  for (const shape of (await readTableShapes(db)).values()) {
    if (shape.class !== "append" && shape.class !== "state") continue;
    found.push(await fingerprint(db, shape, shape.class, columnsOf(shape)));
  }
  return found;
}

/**
 * Compares what tables hold now with what they held: rows and columns that are gone, values of
 * append tables that are others. New rows, columns and tables are no damage.
 */
export async function findDamage(
  db: Db,
  before: readonly TableFingerprint[],
): Promise<readonly TableDamage[]> {
  const shapes = await readTableShapes(db);
  const damage: TableDamage[] = [];
  for (const then of before) {
    const shape = shapes.get(then.table);
    if (shape === undefined) {
      if (then.rows > 0) damage.push({ table: then.table, what: `is gone with ${then.rows} rows` });
      continue;
    }
    const names = new Set(shape.columns.map((column) => column.name));
    const kept = then.columns.filter((column) => names.has(column.name));
    const now = await fingerprint(db, shape, then.class, kept);
    damage.push(...compare(then, now));
  }
  return damage;
}

function compare(then: TableFingerprint, now: TableFingerprint): readonly TableDamage[] {
  const { table } = then;
  const damage: TableDamage[] = [];
  if (now.rows < then.rows) {
    damage.push({ table, what: `lost ${then.rows - now.rows} of ${then.rows} rows` });
  }
  const columns = new Map(now.columns.map((column) => [column.name, column]));
  for (const { name, filled } of then.columns) {
    const left = columns.get(name);
    if (left === undefined && filled > 0) {
      damage.push({ table, what: `lost column ${name} with ${filled} values` });
    } else if (left !== undefined && left.filled < filled && now.rows >= then.rows) {
      damage.push({ table, what: `lost ${filled - left.filled} of ${filled} values of ${name}` });
    }
  }
  // Another type or another set of columns has another hash: there only counts can be compared.
  const comparable =
    now.rows === then.rows &&
    now.columns.length === then.columns.length &&
    then.columns.every(({ name, type }) => columns.get(name)?.type === type);
  if (damage.length === 0 && comparable && then.hash !== now.hash) {
    damage.push({ table, what: "holds other values than before" });
  }
  return damage;
}

type Column = Pick<TableFingerprint["columns"][number], "name" | "type">;

function columnsOf(shape: TableShape): readonly Column[] {
  return shape.columns
    .filter((column) => !column.generated)
    .map(({ name, type }) => ({ name, type }));
}

async function fingerprint(
  db: Db,
  shape: TableShape,
  tableClass: TableFingerprint["class"],
  columns: readonly Column[],
): Promise<TableFingerprint> {
  const names = columns.map((column) => `t.${quoteName(column.name)}`);
  const row = `ROW(${names.join(", ")})`;
  const hashed = tableClass === "append" && names.length > 0;
  const counts = names.map((name) => `count(${name})`).join(", ");
  const ask = async (hash: string) => {
    const { rows } = await db.query<{ rows: string; filled: string[]; hash: string | null }>(
      `SELECT count(*) AS rows, ARRAY[${counts}]::bigint[] AS filled,
              ${hashed ? `coalesce(sum(${hash}), 0)::text` : "NULL"} AS hash
         FROM ${quoteName(shape.name)} t`,
    );
    return rows[0];
  };
  const types = new Map(shape.columns.map((column) => [column.name, column.type]));
  const found = await withFallback(
    db,
    () => ask(`hash_record_extended(${row}, 0)`),
    () => ask(`hashtextextended(${row}::text, 0)`),
  );
  return {
    table: shape.name,
    class: tableClass,
    rows: Number(found?.rows ?? 0),
    columns: columns.map(({ name, type }, at) => ({
      name,
      type: types.get(name) ?? type,
      filled: Number(found?.filled[at] ?? 0),
    })),
    hash: found?.hash ?? null,
  };
}

/** A column without a hash function (json, xml, point) makes the first way fail. */
async function withFallback<T>(
  db: Db,
  first: () => Promise<T>,
  second: () => Promise<T>,
): Promise<T> {
  await db.query("SAVEPOINT fiber_fingerprint");
  try {
    return await first();
  } catch (err) {
    if ((err as { code?: unknown }).code !== UNDEFINED_FUNCTION) throw err;
    await db.query("ROLLBACK TO SAVEPOINT fiber_fingerprint");
    return await second();
  }
}
