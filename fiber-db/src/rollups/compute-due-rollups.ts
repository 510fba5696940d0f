import { type DbPool, inTransaction } from "../pool.js";
import { BUCKET_MS, firstOpenBucket, ROLLUP_WIDTHS, type RollupWidth } from "./buckets.js";

/** A bucket that was computed; `bucketMs` is its start, epoch ms UTC. */
export interface ComputedRollup {
  readonly width: RollupWidth;
  readonly bucketMs: number;
}

/**
 * Minimum and maximum are those of the single round trips where a sample tells them; the average,
 * median and p95 are of the rounds' medians (percentile_cont: linear interpolation). Coverage is
 * the share of the bucket that samples at the node's interval account for.
 */
const compute = (width: RollupWidth) => `
  INSERT INTO rollup_${width} AS r (
    series_id, bucket, samples, answered, latency_min_ms, latency_avg_ms, latency_median_ms,
    latency_p95_ms, latency_max_ms, loss_pct, availability_pct, coverage_pct)
  SELECT s.series_id, to_timestamp($1::float8), count(*), count(s.latency_ms),
         min(coalesce(s.latency_min_ms, s.latency_ms)), avg(s.latency_ms),
         percentile_cont(0.5) WITHIN GROUP (ORDER BY s.latency_ms),
         percentile_cont(0.95) WITHIN GROUP (ORDER BY s.latency_ms),
         max(coalesce(s.latency_max_ms, s.latency_ms)), avg(s.packet_loss), avg(s.uptime_pct),
         least(100, 100.0 * count(*) * coalesce(min(n.interval_ms), 0) / ${BUCKET_MS[width]})
    FROM samples s
    LEFT JOIN series USING (series_id)
    LEFT JOIN nodes n USING (node_id)
   WHERE s.time >= to_timestamp($1::float8) AND s.time < to_timestamp($2::float8)
   GROUP BY s.series_id
  ON CONFLICT (series_id, bucket) DO UPDATE SET
    samples = excluded.samples, answered = excluded.answered,
    latency_min_ms = excluded.latency_min_ms, latency_avg_ms = excluded.latency_avg_ms,
    latency_median_ms = excluded.latency_median_ms, latency_p95_ms = excluded.latency_p95_ms,
    latency_max_ms = excluded.latency_max_ms, loss_pct = excluded.loss_pct,
    availability_pct = excluded.availability_pct, coverage_pct = excluded.coverage_pct`;

const COMPUTE: Readonly<Record<RollupWidth, string>> = {
  hourly: compute("hourly"),
  daily: compute("daily"),
};

/**
 * Computes every marked bucket that ended at least five minutes before `nowMs`, oldest first,
 * each in a transaction of its own that takes the mark away first: a writer of late samples holds
 * the mark's row until it commits, so its samples are either seen or leave a new mark.
 */
export async function computeDueRollups(
  pool: DbPool,
  nowMs: number,
): Promise<readonly ComputedRollup[]> {
  const computed: ComputedRollup[] = [];
  for (const width of ROLLUP_WIDTHS) {
    const { rows } = await pool.query<{ bucket: Date }>(
      "SELECT bucket FROM rollup_due WHERE width = $1 AND bucket < $2 ORDER BY bucket",
      [width, new Date(firstOpenBucket(width, nowMs))],
    );
    for (const { bucket } of rows) {
      const rollup = { width, bucketMs: bucket.getTime() };
      if (await computeOne(pool, rollup)) computed.push(rollup);
    }
  }
  return computed;
}

async function computeOne(pool: DbPool, { width, bucketMs }: ComputedRollup): Promise<boolean> {
  return inTransaction(pool, async (db) => {
    const mark = await db.query("DELETE FROM rollup_due WHERE width = $1 AND bucket = $2", [
      width,
      new Date(bucketMs),
    ]);
    if (mark.rowCount === 0) return false;
    const endMs = bucketMs + BUCKET_MS[width];
    await db.query(COMPUTE[width], [bucketMs / 1_000, endMs / 1_000]);
    return true;
  });
}
