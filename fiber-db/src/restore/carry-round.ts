import { bumpSequences } from "./bump-sequences.js";
import { carryAppend } from "./carry-append.js";
import { carryRollups, ROLLUP_TABLES } from "./carry-rollups.js";
import { carrySamples } from "./carry-samples.js";
import { carryState } from "./carry-state.js";
import {
  type CarryOptions,
  type CarryRound,
  type CarryTable,
  nothingDone,
  type TableOutcome,
} from "./carry-types.js";
import { idMapOf } from "./id-map.js";
import { missingColumns } from "./incoming.js";
import { parentsFirst, readTableShapes, surrogate, type TableShape } from "./table-shapes.js";

/**
 * One pass from the old database into the restored one, table by table, parents first: append
 * tables by natural key, state by the newest, rollups where they cannot be computed again; the
 * rest of the derived and the control tables stay the dump's. What was written in the old
 * database after the pass began is found by the next one from the `horizon`.
 *
 * Both sessions are in the caller's transactions: the old one's is REPEATABLE READ, so that all
 * tables are seen at one moment.
 */
export async function carryRound(options: CarryOptions): Promise<CarryRound> {
  const { source, target } = options;
  const { rows } = await source.query<{ horizon: string }>(
    "SELECT pg_snapshot_xmin(pg_current_snapshot())::xid::text AS horizon",
  );
  const oldShapes = await readTableShapes(source);
  const shapes = parentsFirst([...(await readTableShapes(target)).values()]);
  await bumpSequences(source, target);
  const mapped = new Map<string, string>();
  const tables: TableOutcome[] = [];
  for (const now of shapes) {
    const old = oldShapes.get(now.name);
    tables.push(await carryTable(options, now, old, mapped));
    const number = surrogate(now);
    if (number !== null && old?.columns.some((column) => column.name === number)) {
      if (now.class === "append" || now.class === "state") mapped.set(number, idMapOf(now.name));
    }
  }
  await bumpSequences(source, target);
  return { tables, horizon: rows[0]?.horizon ?? "0" };
}

async function carryTable(
  options: CarryOptions,
  now: TableShape,
  old: TableShape | undefined,
  maps: ReadonlyMap<string, string>,
): Promise<TableOutcome> {
  if (now.class !== "append" && now.class !== "state" && !ROLLUP_TABLES.includes(now.name)) {
    return nothingDone(now);
  }
  if (old === undefined) {
    return { ...nothingDone(now), problem: "the old database has no such table" };
  }
  const missing = missingColumns({ old, now });
  if (missing.length > 0) {
    const names = missing.map((column) => column.name).join(", ");
    return { ...nothingDone(now), problem: `the old database has no column ${names}` };
  }
  const own = surrogate(now);
  const mapped = new Map([...maps].filter(([column]) => column !== own));
  const carry: CarryTable = { ...options, old, now, mapped };
  if (ROLLUP_TABLES.includes(now.name)) return await carryRollups(carry);
  if (now.class === "state") return await carryState(carry);
  if (now.partitionColumn !== null) return await carrySamples(carry);
  return await carryAppend(carry);
}
