import { bringOldGroups, groupColumns, groupsTable, relationOf } from "./sample-groups.js";
import { copyBetween, quoteName, type Session } from "./session.js";
import { naturalKey, readTableShapes, surrogate, type TableShape } from "./table-shapes.js";

/**
 * Counts, for tables cut by time, the rows of hours that both databases have with the same keys and
 * other values: the dump's stand, the old ones are in the quarantine. Reads the old rows once; meant
 * for after the swap, in the caller's transactions.
 *
 * @param target the restored database, with the figures by hour from its restore
 * @returns rows by table; null for a table whose rows cannot be compared whole
 */
export async function countDiffering(
  source: Session,
  target: Session,
): Promise<ReadonlyMap<string, number | null>> {
  const olds = await readTableShapes(source);
  const nows = await readTableShapes(target);
  const counts = new Map<string, number | null>();
  for (const now of nows.values()) {
    const old = olds.get(now.name);
    if (now.partitionColumn === null || old === undefined) continue;
    const { rows: made } = await target.query<{ made: boolean }>(
      "SELECT to_regclass($1) IS NOT NULL AS made",
      [groupsTable(now)],
    );
    if (!made[0]?.made) continue;
    const relation = await relationOf(source, old);
    await bringOldGroups(source, target, { old, now, relation, wholeRows: true });
    const same = await joinSameIds(source, target, { now, olds, nows });
    const group = groupColumns(now).map((c) => `t.${quoteName(c)} = o.${quoteName(c)}`);
    const { rows } = await target.query<{ compared: boolean; differing: number }>(`
      SELECT (SELECT count(whole) > 0 OR count(*) = 0 FROM pg_temp.old_groups) AS compared,
             coalesce(sum(o.rows), 0)::float8 AS differing
        FROM pg_temp.old_groups o
        JOIN ${groupsTable(now)} t ON ${[...group, "t.hour = o.hour"].join(" AND ")} ${same}
       WHERE t.rows = o.rows AND t.keys = o.keys AND t.whole <> o.whole`);
    counts.set(now.name, rows[0]?.compared ? rows[0].differing : null);
    await target.query("DROP TABLE pg_temp.old_groups");
  }
  return counts;
}

/** Joins that leave only numbers which name the same row in both databases. */
async function joinSameIds(
  source: Session,
  target: Session,
  shapes: {
    readonly now: TableShape;
    readonly olds: ReadonlyMap<string, TableShape>;
    readonly nows: ReadonlyMap<string, TableShape>;
  },
): Promise<string> {
  const joins: string[] = [];
  for (const column of groupColumns(shapes.now)) {
    const parent = [...shapes.nows.values()].find((one) => surrogate(one) === column);
    if (parent === undefined || !shapes.olds.has(parent.name)) continue;
    const id = quoteName(column);
    const key = `ROW(${naturalKey(parent).map(quoteName).join(", ")})::text`;
    const names = `SELECT ${id}::text AS id, ${key} AS name FROM ${quoteName(parent.name)}`;
    const table = quoteName(`named_${column}`);
    await target.query(`
      DROP TABLE IF EXISTS pg_temp.${table};
      CREATE TEMP TABLE ${table} (id text, name text) ON COMMIT DROP`);
    await copyBetween(source, names, target, `pg_temp.${table}`);
    joins.push(
      `JOIN (SELECT id FROM pg_temp.${table} JOIN (${names}) own USING (id, name)) ${table} ` +
        `ON ${table}.id = o.${id}::text`,
    );
  }
  return joins.join(" ");
}
