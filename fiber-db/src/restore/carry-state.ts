import { type CarryTable, nothingDone, type TableOutcome } from "./carry-types.js";
import { makeIdMap, renumberTaken, sameKey } from "./id-map.js";
import { bringIncoming, type SharedColumn, sharedColumns, writtenSince } from "./incoming.js";
import { insertRows, isRowProblem } from "./insert-rows.js";
import { quoteName } from "./session.js";
import { naturalKey, surrogate } from "./table-shapes.js";

/** Columns that end a row: once set in either database, they are set in the restored one. */
const ENDINGS: readonly string[] = ["deleted_at", "revoked_at"];

/**
 * Carries over a state table: rows that the restored database has not are added; of rows in both
 * the one touched last wins (the latest of its own time columns); a revocation or a deletion
 * always wins, whichever side has it.
 */
export async function carryState(carry: CarryTable): Promise<TableOutcome> {
  const { target, now } = carry;
  const table = quoteName(now.name);
  const number = surrogate(now);
  const written = writtenSince(number === null ? carry.since : null);
  await bringIncoming(carry, `SELECT * FROM ${table} WHERE ${written}`);
  const shared = sharedColumns(carry);
  const columns = shared.map((column) => column.name);
  const same = sameKey(carry, columns, "i");
  await target.query(`
    CREATE TEMP TABLE fresh ON COMMIT DROP AS
      SELECT i.* FROM pg_temp.incoming i WHERE NOT EXISTS (SELECT FROM ${table} t WHERE ${same})`);
  if (number !== null && columns.includes(number)) await renumberTaken(carry, number);
  const fresh = await insertRows(target, {
    table: now.name,
    columns,
    from: "fresh",
    where: "fiber_fits",
  });
  const { rows: misfits } = await target.query<{ misfit: number }>(
    "SELECT count(*)::int AS misfit FROM pg_temp.incoming WHERE NOT fiber_fits",
  );
  const misfit = misfits[0]?.misfit ?? 0;
  const ended = await takeEndings(carry, columns, same);
  const newer = await takeNewer(carry, shared, same);
  if (number !== null && columns.includes(number)) await makeIdMap(carry, number, columns);
  await target.query("DROP TABLE pg_temp.fresh, pg_temp.incoming");
  return {
    ...nothingDone(now),
    carried: fresh.inserted,
    newer: newer.rows,
    ended,
    refused: fresh.refused + misfit,
    problem:
      fresh.problem ?? newer.problem ?? (misfit > 0 ? "values or references do not fit" : null),
  };
}

async function takeEndings(
  { target, now }: CarryTable,
  columns: readonly string[],
  same: string,
): Promise<number> {
  let ended = 0;
  for (const column of ENDINGS.filter((name) => columns.includes(name)).map(quoteName)) {
    const { rowCount } = await target.query(`
      UPDATE ${quoteName(now.name)} t SET ${column} = i.${column} FROM pg_temp.incoming i
       WHERE ${same} AND i.${column} IS NOT NULL
         AND (t.${column} IS NULL OR t.${column} > i.${column})`);
    ended += rowCount ?? 0;
  }
  return ended;
}

async function takeNewer(
  { target, now }: CarryTable,
  shared: readonly SharedColumn[],
  same: string,
): Promise<{ readonly rows: number; readonly problem: string | null }> {
  const fixed = new Set([...naturalKey(now), ...ENDINGS, ...now.primaryKey]);
  const moments = shared.filter((c) => c.type.startsWith("timestamp") && !ENDINGS.includes(c.name));
  const values = shared.filter((c) => !fixed.has(c.name));
  if (moments.length === 0 || values.length === 0) return { rows: 0, problem: null };
  const touched = (row: string) =>
    `greatest(${moments.map((c) => `${row}.${quoteName(c.name)}`).join(", ")})`;
  const set = values.map((c) => `${quoteName(c.name)} = i.${quoteName(c.name)}`);
  await target.query("SAVEPOINT fiber_newer");
  try {
    const { rowCount } = await target.query(`
      UPDATE ${quoteName(now.name)} t SET ${set.join(", ")} FROM pg_temp.incoming i
       WHERE ${same} AND i.fiber_fits AND ${touched("i")} > ${touched("t")}`);
    await target.query("RELEASE SAVEPOINT fiber_newer");
    return { rows: rowCount ?? 0, problem: null };
  } catch (err) {
    // A value that the restored schema forbids: the dump's rows stand, and the report says why.
    if (!isRowProblem(err)) throw err;
    await target.query("ROLLBACK TO SAVEPOINT fiber_newer");
    return { rows: 0, problem: `the dump's versions stand: ${(err as Error).message}` };
  }
}
