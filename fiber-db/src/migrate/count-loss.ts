import type pg from "pg";
import { listPartitions } from "../partitions/partition-state.js";
import type { AppliedMigration } from "./bookkeeping.js";
import type { LossyStatement } from "./lossy-statements.js";

/** What one way down takes with it. */
export interface LossItem {
  readonly revision: string;
  /** A table, or a table and column as "nodes.region". */
  readonly what: string;
  /** Rows, or values that are not null; null when they cannot be counted. */
  readonly rows: number | null;
  /** True when the count took too long and the planner's estimate stands in. */
  readonly estimated: boolean;
}

/** Derived tables that hold figures of samples which have expired since. */
const OUTLIVING: readonly string[] = ["rollup_hourly", "rollup_daily"];

const UNDEFINED: readonly unknown[] = ["42P01", "42703"];
const TIMED_OUT = "57014";

/**
 * Counts what the statements of one way down drop, each an item. The session's statement_timeout
 * bounds a count; what takes longer is the planner's estimate.
 */
export async function lossOf(
  db: pg.Client,
  { revision, kind }: AppliedMigration,
  statements: readonly LossyStatement[],
): Promise<readonly LossItem[]> {
  const items: LossItem[] = [];
  for (const statement of statements) {
    const only = kind === "lossy" ? "" : await irreplaceable(db, statement);
    if (only === null) continue;
    const counted = await count(db, statement, only);
    // What is empty is worth a line only where the migration says that it loses.
    if (kind === "lossy" || counted.rows !== 0) items.push({ revision, ...counted });
  }
  return items;
}

/**
 * Which rows of a reversible migration's table nobody can compute again, as an SQL condition; ""
 * for all of them, null for none.
 */
async function irreplaceable(db: pg.Client, lost: LossyStatement): Promise<string | null> {
  if (lost.kind === "uncounted") return null;
  const { rows } = await db.query<{ name: string | null; comment: string | null }>(
    `SELECT c.relname AS name, obj_description(c.oid, 'pg_class') AS comment
       FROM pg_class c WHERE c.oid = to_regclass($1)`,
    [lost.table],
  );
  const { name, comment } = rows[0] ?? { name: null, comment: null };
  if (name === null) return null;
  if (OUTLIVING.includes(name) && lost.kind === "table") {
    const oldest = (await listPartitions(db)).at(0)?.startMs;
    return oldest === undefined ? "" : `bucket < '${new Date(oldest).toISOString()}'`;
  }
  return /^(derived|control):/.test(comment ?? "") ? null : "";
}

async function count(
  db: pg.Client,
  lost: LossyStatement,
  only: string,
): Promise<Omit<LossItem, "revision">> {
  if (lost.kind === "uncounted") return { what: lost.text, rows: null, estimated: false };
  const what = lost.kind === "table" ? lost.table : `${lost.table}.${lost.column}`;
  const counted = lost.kind === "table" ? "*" : lost.column;
  try {
    const { rows } = await db.query<{ rows: string }>(
      `SELECT count(${counted}) AS rows FROM ${lost.table}${only === "" ? "" : ` WHERE ${only}`}`,
    );
    return { what, rows: Number(rows[0]?.rows ?? 0), estimated: false };
  } catch (cause) {
    const { code } = cause as { code?: string };
    if (UNDEFINED.includes(code)) return { what, rows: 0, estimated: false };
    if (code === TIMED_OUT) return { what, rows: await estimate(db, lost.table), estimated: true };
    throw cause;
  }
}

async function estimate(db: pg.Client, table: string): Promise<number> {
  const { rows } = await db.query<{ rows: string }>(
    `SELECT coalesce(sum(greatest(c.reltuples, 0)), 0)::bigint AS rows
     FROM pg_partition_tree(to_regclass($1)) t JOIN pg_class c ON c.oid = t.relid WHERE t.isleaf`,
    [table],
  );
  return Number(rows[0]?.rows ?? 0);
}
