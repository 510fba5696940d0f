import { listPartitions } from "../partitions/partition-state.js";
import { type CarryTable, nothingDone, type TableOutcome } from "./carry-types.js";
import { bringIncoming, sharedColumns } from "./incoming.js";
import { insertRows } from "./insert-rows.js";
import { copyBetween, quoteName } from "./session.js";

/** Derived tables whose rows outlive the samples that they were computed from. */
export const ROLLUP_TABLES: readonly string[] = ["rollup_hourly", "rollup_daily"];

/**
 * Carries over the rollups that nobody can compute again: those of the old database whose samples
 * have expired there, as far as the restored one has neither them nor the samples. All others are
 * recomputed by the marks that carrying samples raises.
 */
export async function carryRollups(carry: CarryTable): Promise<TableOutcome> {
  const { source, target, now } = carry;
  const table = quoteName(now.name);
  const oldest = (await listPartitions(source)).at(0)?.startMs;
  if (carry.since !== null || oldest === undefined) return nothingDone(now);
  const before = `bucket < '${new Date(oldest).toISOString()}'`;
  const counts = `SELECT bucket, count(*) AS rows FROM ${table} WHERE ${before} GROUP BY bucket`;
  await target.query(
    "CREATE TEMP TABLE old_buckets (bucket timestamptz, rows bigint) ON COMMIT DROP",
  );
  await copyBetween(source, counts, target, "pg_temp.old_buckets");
  const { rows } = await target.query<{ buckets: string[] | null }>(`
    SELECT array_agg(o.bucket::text) AS buckets FROM pg_temp.old_buckets o
      LEFT JOIN (${counts}) t ON t.bucket = o.bucket WHERE t.rows IS DISTINCT FROM o.rows`);
  await target.query("DROP TABLE pg_temp.old_buckets");
  const buckets = rows[0]?.buckets ?? [];
  if (buckets.length === 0) return nothingDone(now);
  await bringIncoming(
    carry,
    `SELECT * FROM ${table} WHERE bucket = ANY ('{${buckets.map((b) => `"${b}"`).join(",")}}'::timestamptz[])`,
  );
  const width = now.name === "rollup_daily" ? "1 day" : "1 hour";
  const done = await insertRows(target, {
    table: now.name,
    columns: sharedColumns(carry).map((column) => column.name),
    from: "incoming",
    where: `fiber_fits AND NOT EXISTS (SELECT FROM samples s WHERE s.series_id = incoming.series_id
              AND s.time >= incoming.bucket AND s.time < incoming.bucket + interval '${width}')`,
  });
  await target.query("DROP TABLE pg_temp.incoming");
  return {
    ...nothingDone(now),
    carried: done.inserted,
    refused: done.refused,
    problem: done.problem,
  };
}
