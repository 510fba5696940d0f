import { relationOf } from "./sample-groups.js";
import { quoteName, type Session } from "./session.js";
import { suspectCondition } from "./suspect-rules.js";
import { readTableShapes, type TableClass, type TableShape } from "./table-shapes.js";

/** What a table of the live database holds before a restore. */
export interface LiveTable {
  readonly table: string;
  readonly class: TableClass | null;
  readonly rows: number;
  /** Rows outside the contract's ranges, where rows can have come since. */
  readonly suspect: number;
  /** Days of a partitioned table by name, with their rows. */
  readonly days: Readonly<Record<string, number>>;
}

/** Rows of each day of a table, as a dump's manifest says; empty for a table without days. */
export type KnownRows = ReadonlyMap<string, Readonly<Record<string, number>>>;

/**
 * Counts the tables of schema public. Suspect rows are looked for where rows can have come since:
 * in the days that hold other counts than `known` says, everywhere without it.
 */
export async function readLiveTables(
  session: Session,
  known: KnownRows | null = null,
): Promise<readonly LiveTable[]> {
  const tables: LiveTable[] = [];
  for (const shape of (await readTableShapes(session)).values()) {
    const relation = await relationOf(session, shape);
    const hasDays = shape.partitionColumn !== null && relation === quoteName(shape.name);
    // The name is looked up once a day, not once a row: that would take longer than counting.
    const counted = hasDays
      ? `SELECT tableoid::regclass::text AS day, count(*)::float8 AS rows FROM ${relation} s GROUP BY s.tableoid`
      : `SELECT 'all' AS day, count(*)::float8 AS rows FROM ${relation} s`;
    const { rows } = await session.query<{ day: string; rows: number }>(counted);
    const before = known?.get(shape.name) ?? {};
    const changed = rows.filter((row) => before[row.day] !== row.rows).map((row) => row.day);
    tables.push({
      table: shape.name,
      class: shape.class,
      rows: rows.reduce((sum, row) => sum + row.rows, 0),
      suspect: await countSuspect(session, shape, hasDays ? changed : [relation]),
      days: hasDays ? Object.fromEntries(rows.map((row) => [row.day, row.rows])) : {},
    });
  }
  return tables;
}

async function countSuspect(
  session: Session,
  shape: TableShape,
  relations: readonly string[],
): Promise<number> {
  const condition = suspectCondition(
    shape.name,
    shape.columns.map((column) => column.name),
  );
  if (condition === "false") return 0;
  let suspect = 0;
  for (const relation of relations) {
    const { rows } = await session.query<{ suspect: number }>(
      `SELECT count(*)::float8 AS suspect FROM ${relation} s WHERE ${condition}`,
    );
    suspect += rows[0]?.suspect ?? 0;
  }
  return suspect;
}
