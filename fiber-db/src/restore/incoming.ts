import type { CarryTable } from "./carry-types.js";
import { copyBetween, quoteName } from "./session.js";
import type { ColumnShape } from "./table-shapes.js";

/** A column that both databases have. */
export interface SharedColumn {
  readonly name: string;
  /** The restored database's type. */
  readonly type: string;
  readonly sameType: boolean;
}

/** Columns that can be carried over, in the restored table's order. */
export function sharedColumns(carry: Pick<CarryTable, "old" | "now">): readonly SharedColumn[] {
  const old = new Map(carry.old.columns.map((column) => [column.name, column]));
  return carry.now.columns.flatMap((column) => {
    const source = old.get(column.name);
    if (source === undefined || column.generated) return [];
    return [{ name: column.name, type: column.type, sameType: source.type === column.type }];
  });
}

/** Columns without which no row can be carried over and that the old table does not have. */
export function missingColumns(carry: Pick<CarryTable, "old" | "now">): readonly ColumnShape[] {
  const old = new Set(carry.old.columns.map((column) => column.name));
  return carry.now.columns.filter((c) => c.notNull && !c.filled && !old.has(c.name));
}

/** Which rows of the source to bring: all, or those written at or after a transaction id. */
export function writtenSince(since: string | null, xmin = "xmin"): string {
  // A row's age counts backwards from now; both sides are taken at the same instant. The second
  // is a query of its own so that it is computed once.
  return since === null
    ? "true"
    : `age(${xmin}) <= (SELECT age('${Number.parseInt(since, 10)}'::xid))`;
}

/**
 * Brings rows of the old table into the temporary table `incoming` of the restored database's
 * session, with the restored types and ids. Values that do not fit the type, and references to
 * rows that do not exist, leave `fiber_fits` false.
 *
 * @param select rows of the old table under its own column names
 * @returns how many rows were brought
 */
export async function bringIncoming(carry: CarryTable, select: string): Promise<number> {
  const { source, target, mapped } = carry;
  const columns = sharedColumns(carry);
  const names = columns.map((column) => quoteName(column.name)).join(", ");
  const staged = columns.map((c) => `${quoteName(c.name)} ${c.sameType ? c.type : "text"}`);
  await target.query(`
    DROP TABLE IF EXISTS pg_temp.staged, pg_temp.incoming;
    CREATE TEMP TABLE staged (${staged.join(", ")}) ON COMMIT DROP`);
  const brought = await copyBetween(
    source,
    `SELECT ${names} FROM (${select}) AS brought`,
    target,
    `pg_temp.staged (${names})`,
  );
  if (columns.some((column) => !column.sameType)) await target.query(TRY_CAST);
  const values = columns.map((column) => {
    const name = quoteName(column.name);
    const map = mapped.get(column.name);
    if (map !== undefined) return `${quoteName(`map_${column.name}`)}.new_id AS ${name}`;
    if (column.sameType) return `s.${name}`;
    return `pg_temp.fiber_cast(s.${name}, NULL::${column.type}) AS ${name}`;
  });
  const joins = [...mapped]
    .filter(([column]) => columns.some((shared) => shared.name === column))
    .map(([column, map]) => {
      const alias = quoteName(`map_${column}`);
      return `LEFT JOIN pg_temp.${quoteName(map)} ${alias} ON ${alias}.old_id = s.${quoteName(column)}`;
    });
  const fits = columns.flatMap((column) => {
    const name = quoteName(column.name);
    const map = mapped.get(column.name);
    if (map !== undefined) {
      return `(s.${name} IS NULL OR ${quoteName(`map_${column.name}`)}.new_id IS NOT NULL)`;
    }
    if (column.sameType) return [];
    return `(s.${name} IS NULL OR pg_temp.fiber_cast(s.${name}, NULL::${column.type}) IS NOT NULL)`;
  });
  await target.query(`
    CREATE TEMP TABLE incoming ON COMMIT DROP AS
      SELECT ${values.join(", ")}, ${fits.length === 0 ? "true" : fits.join(" AND ")} AS fiber_fits
        FROM pg_temp.staged s ${joins.join(" ")};
    DROP TABLE pg_temp.staged;
    ANALYZE pg_temp.incoming`);
  return brought;
}

const TRY_CAST = `
  CREATE OR REPLACE FUNCTION pg_temp.fiber_cast(value text, wanted anyelement) RETURNS anyelement
  LANGUAGE plpgsql AS $cast$
  BEGIN
    EXECUTE format('SELECT %L::%s', value, pg_typeof(wanted)) INTO wanted;
    RETURN wanted;
  EXCEPTION WHEN data_exception THEN
    RETURN NULL;
  END $cast$`;
