import type { Db } from "../pool.js";
import { dayOfTable, type PartitionDay } from "./partition-days.js";

/** A day's table as it is found: part of `samples`, being detached, or on its own. */
export interface PartitionState extends PartitionDay {
  readonly state: "attached" | "detaching" | "detached";
}

/** Lists the days' tables beside `samples`, oldest first. Empty when there is no `samples`. */
export async function listPartitions(db: Db): Promise<readonly PartitionState[]> {
  const { rows } = await db.query<{ table: string; pending: boolean | null }>(
    `SELECT c.relname AS table, i.inhdetachpending AS pending
       FROM pg_class parent
       JOIN pg_class c ON c.relnamespace = parent.relnamespace AND c.relkind = 'r'
                      AND c.relname ~ '^samples_[0-9]{8}$'
       LEFT JOIN pg_inherits i ON i.inhrelid = c.oid AND i.inhparent = parent.oid
      WHERE parent.oid = to_regclass('samples')
      ORDER BY c.relname`,
  );
  return rows.flatMap(({ table, pending }) => {
    const day = dayOfTable(table);
    if (day === null) return [];
    const state = pending === null ? "detached" : pending ? "detaching" : "attached";
    return [{ ...day, state }];
  });
}
