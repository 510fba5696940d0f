import { type CarryTable, nothingDone, type TableOutcome } from "./carry-types.js";
import { makeIdMap, renumberTaken, sameKey } from "./id-map.js";
import { bringIncoming, sharedColumns, writtenSince } from "./incoming.js";
import { type Inserted, insertRows } from "./insert-rows.js";
import { quoteName } from "./session.js";
import { suspectCondition } from "./suspect-rules.js";
import { surrogate } from "./table-shapes.js";

/**
 * Carries over the rows of an append table that the restored one has not, by natural key; rows of
 * both keep the dump's values. Rows of a table that the database numbers keep their number where
 * it is free, and get an id map (`idMapOf`) for the tables that refer to them.
 */
export async function carryAppend(carry: CarryTable): Promise<TableOutcome> {
  const { target, now, leaveSuspect } = carry;
  const table = quoteName(now.name);
  const number = surrogate(now);
  // The map needs every row; the rows themselves only those written since the last round.
  const written = writtenSince(number === null ? carry.since : null);
  await bringIncoming(carry, `SELECT * FROM ${table} WHERE ${written}`);
  const columns = sharedColumns(carry).map((column) => column.name);
  const numbered = number !== null && columns.includes(number) ? number : null;
  await target.query(`
    CREATE TEMP TABLE fresh ON COMMIT DROP AS
      SELECT i.*, ${suspectCondition(now.name, columns)} AS fiber_suspect
        FROM pg_temp.incoming i
       WHERE NOT EXISTS (SELECT FROM ${table} t WHERE ${sameKey(carry, columns, "i")})`);
  const { rows } = await target.query<{ fresh: number; suspect: number; misfit: number }>(`
    SELECT count(*)::int AS fresh, count(*) FILTER (WHERE fiber_suspect)::int AS suspect,
           count(*) FILTER (WHERE NOT fiber_fits)::int AS misfit FROM pg_temp.fresh`);
  const { fresh = 0, suspect = 0, misfit = 0 } = rows[0] ?? {};
  let done: Inserted = { inserted: 0, refused: 0, problem: null };
  if (fresh > 0) {
    if (numbered !== null) await renumberTaken(carry, numbered);
    const where = `fiber_fits${leaveSuspect ? " AND NOT fiber_suspect" : ""}`;
    done = await insertRows(target, { table: now.name, columns, from: "fresh", where });
  }
  if (numbered !== null) await makeIdMap(carry, numbered, columns);
  await target.query("DROP TABLE pg_temp.fresh, pg_temp.incoming");
  return {
    ...nothingDone(now),
    carried: done.inserted,
    suspect,
    left: leaveSuspect ? suspect : 0,
    refused: misfit + done.refused,
    problem: done.problem ?? (misfit > 0 ? "values or references do not fit" : null),
  };
}
