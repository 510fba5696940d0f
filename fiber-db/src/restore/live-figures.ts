import { relationOf } from "./sample-groups.js";
import { quoteName, type Session } from "./session.js";
import { suspectCondition } from "./suspect-rules.js";
import { readTableShapes, type TableClass } from "./table-shapes.js";

/** What a table of the live database holds before a restore. */
export interface LiveTable {
  readonly table: string;
  readonly class: TableClass | null;
  readonly rows: number;
  /** Rows outside the contract's ranges. */
  readonly suspect: number;
  /** Days of a partitioned table by name, with their rows. */
  readonly days: Readonly<Record<string, number>>;
}

/** Counts the tables of schema public. Reads every row once. */
export async function readLiveTables(session: Session): Promise<readonly LiveTable[]> {
  const tables: LiveTable[] = [];
  for (const shape of (await readTableShapes(session)).values()) {
    const names = shape.columns.map((column) => column.name);
    const relation = await relationOf(session, shape);
    const loose = relation !== quoteName(shape.name);
    const { rows } = await session.query<{ day: string; rows: number; suspect: number }>(
      `SELECT ${loose ? "'all'" : "tableoid::regclass::text"} AS day, count(*)::float8 AS rows,
              count(*) FILTER (WHERE ${suspectCondition(shape.name, names)})::float8 AS suspect
         FROM ${relation} s GROUP BY 1`,
    );
    const sum = (pick: (row: { rows: number; suspect: number }) => number) =>
      rows.reduce((total, row) => total + pick(row), 0);
    tables.push({
      table: shape.name,
      class: shape.class,
      rows: sum((row) => row.rows),
      suspect: sum((row) => row.suspect),
      days:
        shape.partitionColumn === null || loose
          ? {}
          : Object.fromEntries(rows.map((row) => [row.day, row.rows])),
    });
  }
  return tables;
}
