import type { CarryTable } from "./carry-types.js";
import { quoteName, quoteText } from "./session.js";
import { naturalKey } from "./table-shapes.js";

/** The temporary table with the columns `old_id` and `new_id` of a table that is numbered. */
export function idMapOf(table: string): string {
  return `map_${table}`;
}

/** SQL that is true for a row `t` of the restored table and a row `other` with the same key. */
export function sameKey({ now }: CarryTable, columns: readonly string[], other: string): string {
  const nullable = new Set(now.columns.filter((c) => !c.notNull).map((c) => c.name));
  return naturalKey(now)
    .filter((column) => columns.includes(column))
    .map((column) => {
      // Only "=" can use an index or a hash.
      const same = nullable.has(column) ? "IS NOT DISTINCT FROM" : "=";
      return `t.${quoteName(column)} ${same} ${other}.${quoteName(column)}`;
    })
    .join(" AND ");
}

/**
 * Gives new rows (temporary table `fresh`) whose number is taken in the restored database the next
 * free one; the others keep theirs.
 */
export async function renumberTaken({ target, now }: CarryTable, number: string): Promise<void> {
  const table = quoteName(now.name);
  const id = quoteName(number);
  await target.query(`
    UPDATE pg_temp.fresh f
       SET ${id} = nextval(pg_get_serial_sequence(${quoteText(table)}, ${quoteText(number)}))
     WHERE EXISTS (SELECT FROM ${table} t WHERE t.${id} = f.${id})`);
}

/** Makes the id map of a numbered table from its rows in `incoming`. */
export async function makeIdMap(
  carry: CarryTable,
  number: string,
  columns: readonly string[],
): Promise<void> {
  const map = quoteName(idMapOf(carry.now.name));
  const id = quoteName(number);
  await carry.target.query(`
    CREATE TEMP TABLE ${map} ON COMMIT DROP AS
      SELECT i.${id} AS old_id, t.${id} AS new_id
        FROM pg_temp.incoming i
        JOIN ${quoteName(carry.now.name)} t ON ${sameKey(carry, columns, "i")};
    ANALYZE pg_temp.${map}`);
}
