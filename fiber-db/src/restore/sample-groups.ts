import { listPartitions } from "../partitions/partition-state.js";
import { copyBetween, quoteName, type Session } from "./session.js";
import type { TableShape } from "./table-shapes.js";

/** Schema of the restored database for what a restore needs until it is swapped in. */
export const WORK_SCHEMA = "fiber_restore";

/** Hours of one series with their rows, comparable between two databases. */
const GROUP_COLUMNS = "hour int, rows bigint, keys numeric, whole numeric";

/** The columns of a partitioned table's key that, with the hour, name a group. */
export function groupColumns(shape: TableShape): readonly string[] {
  return shape.primaryKey.filter((column) => column !== shape.partitionColumn);
}

/**
 * A partitioned table's rows as a relation `s`, with its days that were detached by an accident
 * (a `pg_restore --clean` does that) and their `xmin` as `fiber_xmin`.
 */
export async function relationOf(db: Session, shape: TableShape): Promise<string> {
  const table = quoteName(shape.name);
  if (shape.name !== "samples") return table;
  const days = await listPartitions(db);
  const loose = days.filter((day) => day.state !== "attached").map((day) => day.table);
  if (loose.length === 0) return table;
  const columns = shape.columns.map((column) => quoteName(column.name)).join(", ");
  const parts = [table, ...loose].map((name) => `SELECT xmin, ${columns} FROM ${name}`);
  return `(${parts.join(" UNION ALL ")})`;
}

/**
 * SQL that gives for each (group, hour) the rows, an order-independent hash of the keys and, with
 * `wholeRows`, one of whole rows (a tenth of the time is the keys', the rest the rows').
 */
function groupQuery(relation: string, shape: TableShape, wholeRows: boolean): string {
  const time = `s.${quoteName(shape.partitionColumn ?? "time")}`;
  const group = groupColumns(shape).map(quoteName);
  const whole = wholeRows ? "sum(hash_record_extended(s, 0))" : "NULL::numeric";
  // Sessions are in UTC. What a group needs once is worked out of the rows' own passes.
  return `
    SELECT ${[...group, ""].join(", ")} (date_part('epoch', begin) / 3600)::int AS hour, rows, keys, whole
      FROM (SELECT ${[...group.map((name) => `s.${name}`), ""].join(", ")}
                   date_bin('1 hour', ${time}, 'epoch') AS begin, count(*) AS rows,
                   sum(timestamp_hash_extended(${time}::timestamp, 0)) AS keys, ${whole} AS whole
              FROM ${relation} s GROUP BY ${group.map((_, i) => i + 1).join(", ")}, ${group.length + 1}) g`;
}

/** The table with the restored side's groups of one table. */
export function groupsTable(shape: TableShape): string {
  return `${WORK_SCHEMA}.${quoteName(`groups_${shape.name}`)}`;
}

/**
 * Computes the groups of a freshly restored table once; they serve the comparison with the
 * manifest and the first round of carrying over.
 */
export async function makeTargetGroups(target: Session, shape: TableShape): Promise<void> {
  const table = groupsTable(shape);
  await target.query(`
    CREATE SCHEMA IF NOT EXISTS ${WORK_SCHEMA};
    DROP TABLE IF EXISTS ${table};
    CREATE TABLE ${table} AS ${groupQuery(quoteName(shape.name), shape, true)};
    ANALYZE ${table}`);
}

/**
 * Brings the old side's groups into the temporary table `old_groups`. Whole rows are hashed only
 * where that is asked for and the two tables' rows are alike; else `whole` is null.
 */
export async function bringOldGroups(
  source: Session,
  target: Session,
  shapes: {
    readonly old: TableShape;
    readonly now: TableShape;
    readonly relation: string;
    readonly wholeRows: boolean;
  },
): Promise<void> {
  const { old, now, relation } = shapes;
  const types = new Map(now.columns.map((column) => [column.name, column.type]));
  const group = groupColumns(now).map((name) => `${quoteName(name)} ${types.get(name)}`);
  await target.query(`
    CREATE TEMP TABLE old_groups (${[...group, GROUP_COLUMNS].join(", ")}) ON COMMIT DROP`);
  const whole = shapes.wholeRows && sameRowType(old, now) && relation === quoteName(old.name);
  await copyBetween(source, groupQuery(relation, now, whole), target, "pg_temp.old_groups");
  await target.query("ANALYZE pg_temp.old_groups");
}

/** Whether whole rows of two tables hash alike. */
function sameRowType(old: TableShape, now: TableShape): boolean {
  const types = (shape: TableShape) => shape.columns.map((c) => `${c.name} ${c.type}`).join();
  return types(old) === types(now);
}
