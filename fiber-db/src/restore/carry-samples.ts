import { ensurePartitions } from "../partitions/ensure-partitions.js";
import { DAY_MS, partitionDay } from "../partitions/partition-days.js";
import { type CarryTable, nothingDone, type TableOutcome } from "./carry-types.js";
import { bringIncoming, sharedColumns, writtenSince } from "./incoming.js";
import { insertRows } from "./insert-rows.js";
import {
  bringOldGroups,
  groupColumns,
  groupsTable,
  makeTargetGroups,
  relationOf,
} from "./sample-groups.js";
import { copyBetween, quoteName } from "./session.js";
import { suspectCondition } from "./suspect-rules.js";

/** Days without a partition are made for rows up to this far back and ahead. */
const REACH_MS = { back: 400 * DAY_MS, ahead: 8 * DAY_MS };

/**
 * Carries over a table that is cut by time. Both sides are compared by rows and key hashes of each
 * (series, hour), and keys travel only for the hours that differ; later rounds look at what was
 * written since. Rows of both keep the dump's values. Every (hour) that gained rows is marked for
 * the rollups.
 */
export async function carrySamples(carry: CarryTable): Promise<TableOutcome> {
  const { source, target, now, old, since } = carry;
  const relation = await relationOf(source, old);
  let compared: Compared = { oldRows: null, targetRows: null };
  if (since === null) {
    compared = await compareGroups(carry, relation);
    await bringIncoming(carry, `SELECT s.* FROM ${relation} s ${await wantedJoin(carry)}`);
  } else {
    await bringIncoming(
      carry,
      `SELECT s.* FROM ${relation} s WHERE ${writtenSince(since, "s.xmin")}`,
    );
  }
  const columns = sharedColumns(carry).map((column) => column.name);
  const key = now.primaryKey.map((c) => `t.${quoteName(c)} = i.${quoteName(c)}`).join(" AND ");
  await target.query(`
    CREATE TEMP TABLE fresh ON COMMIT DROP AS
      SELECT i.*, ${suspectCondition(now.name, columns)} AS fiber_suspect
        FROM pg_temp.incoming i
       WHERE NOT EXISTS (SELECT FROM ${quoteName(now.name)} t WHERE ${key});
    ANALYZE pg_temp.fresh`);
  const found = await countFresh(carry);
  const where = `fiber_fits${carry.leaveSuspect ? " AND NOT fiber_suspect" : ""}`;
  const reachable = await makeDays(carry);
  const done = await insertRows(target, {
    table: now.name,
    columns,
    from: "fresh",
    where: `${where} AND ${reachable}`,
  });
  if (done.inserted > 0) await markRollups(carry, where);
  await target.query("DROP TABLE pg_temp.fresh, pg_temp.incoming");
  const left = carry.leaveSuspect ? found.suspect : 0;
  const refused = Math.max(0, found.fresh - left - done.inserted);
  return {
    ...nothingDone(now),
    carried: done.inserted,
    suspect: found.suspect,
    left,
    refused,
    problem:
      done.problem ??
      (refused > 0 ? "series, values or days do not fit the restored schema" : null),
    returned:
      compared.oldRows === null || compared.targetRows === null
        ? null
        : compared.targetRows - (compared.oldRows - found.fresh),
  };
}

interface Compared {
  readonly oldRows: number | null;
  readonly targetRows: number | null;
}

/** Compares the two sides; leaves the hours to fetch in the temporary table `wanted`. */
async function compareGroups(carry: CarryTable, relation: string): Promise<Compared> {
  const { source, target, now, old, mapped } = carry;
  const groups = groupsTable(now);
  const { rows: made } = await target.query<{ made: boolean }>(
    "SELECT to_regclass($1) IS NOT NULL AS made",
    [groups],
  );
  if (!made[0]?.made) await makeTargetGroups(target, now);
  await bringOldGroups(source, target, { old, now, relation, wholeRows: false });
  const group = groupColumns(now);
  const maps = group.map((column) => {
    const map = mapped.get(column);
    const own = `o.${quoteName(column)}`;
    if (map === undefined) return { join: "", value: own };
    const alias = quoteName(`map_${column}`);
    const join = `LEFT JOIN pg_temp.${quoteName(map)} ${alias} ON ${alias}.old_id = ${own}`;
    return { join, value: `${alias}.new_id` };
  });
  const on = group.map((column, i) => `t.${quoteName(column)} = ${maps[i]?.value}`);
  const own = group.map((column) => `o.${quoteName(column)}`).join(", ");
  await target.query(`
    CREATE TEMP TABLE compared ON COMMIT DROP AS
      SELECT ${own}, o.hour, o.rows,
             t.rows IS NOT NULL AND t.rows = o.rows AND t.keys = o.keys AS same_keys
        FROM pg_temp.old_groups o ${maps.map((m) => m.join).join(" ")}
        LEFT JOIN ${groups} t ON ${[...on, "t.hour = o.hour"].join(" AND ")}`);
  const { rows } = await target.query<{ old_rows: number; target_rows: number }>(`
    SELECT coalesce(sum(rows), 0)::float8 AS old_rows,
           (SELECT coalesce(sum(rows), 0)::float8 FROM ${groups}) AS target_rows
      FROM pg_temp.compared`);
  return { oldRows: rows[0]?.old_rows ?? 0, targetRows: rows[0]?.target_rows ?? 0 };
}

/** Brings the wanted hours to the old side; returns the join that picks their rows. */
async function wantedJoin({ source, target, now }: CarryTable): Promise<string> {
  const group = groupColumns(now);
  const types = new Map(now.columns.map((column) => [column.name, column.type]));
  const names = group.map(quoteName);
  await source.query(`
    CREATE TEMP TABLE wanted (${names.map((n, i) => `${n} ${types.get(group[i] ?? "")}`).join(", ")},
                              from_time timestamptz, to_time timestamptz) ON COMMIT DROP`);
  const hour = (offset: number) => `to_timestamp((hour + ${offset})::float8 * 3600)`;
  await copyBetween(
    target,
    `SELECT ${names.join(", ")}, ${hour(0)}, ${hour(1)} FROM pg_temp.compared WHERE NOT same_keys`,
    source,
    "pg_temp.wanted",
  );
  await source.query("ANALYZE pg_temp.wanted");
  const time = `s.${quoteName(now.partitionColumn ?? "time")}`;
  const on = names.map((name) => `s.${name} = w.${name}`);
  return `JOIN pg_temp.wanted w ON ${on.join(" AND ")} AND ${time} >= w.from_time AND ${time} < w.to_time`;
}

async function countFresh({ target }: CarryTable): Promise<{ fresh: number; suspect: number }> {
  const { rows } = await target.query<{ fresh: number; suspect: number }>(`
    SELECT count(*)::int AS fresh, count(*) FILTER (WHERE fiber_suspect)::int AS suspect
      FROM pg_temp.fresh`);
  return rows[0] ?? { fresh: 0, suspect: 0 };
}

/** Makes the days that the new rows need; returns the condition of rows that can be stored. */
async function makeDays({ target, now, nowMs }: CarryTable): Promise<string> {
  if (now.name !== "samples") return "true";
  const time = quoteName(now.partitionColumn ?? "time");
  const limits = [nowMs - REACH_MS.back, nowMs + REACH_MS.ahead].map((ms) =>
    new Date(partitionDay(ms).startMs).toISOString(),
  );
  const reachable = `${time} >= '${limits[0]}' AND ${time} < '${limits[1]}'`;
  const { rows } = await target.query<{ day: number }>(`
    SELECT DISTINCT floor(date_part('epoch', ${time}) / 86400) * 86400000 AS day
      FROM pg_temp.fresh WHERE ${reachable}`);
  for (const { day } of rows) {
    await ensurePartitions(target, {
      nowMs: day,
      daysBack: 0,
      daysAhead: 0,
      duringBackup: "go-on",
    });
  }
  return reachable;
}

async function markRollups({ target, now }: CarryTable, where: string): Promise<void> {
  if (now.name !== "samples") return;
  const { rows } = await target.query<{ there: boolean }>(
    "SELECT to_regclass('rollup_due') IS NOT NULL AS there",
  );
  if (!rows[0]?.there) return;
  const buckets = [
    ["hourly", "hour"],
    ["daily", "day"],
  ].map(
    ([width, unit]) =>
      `SELECT DISTINCT '${width}', date_trunc('${unit}', time) FROM pg_temp.fresh WHERE ${where}`,
  );
  await target.query(`
    INSERT INTO rollup_due (width, bucket) ${buckets.join(" UNION ")}
    ON CONFLICT (width, bucket) DO UPDATE SET marks = rollup_due.marks + 1`);
}
