import type { Db } from "../pool.js";
import { BUCKET_MS, type RollupWidth } from "../rollups/buckets.js";
import { type Bucket, type BucketRow, toBucket } from "./bucket-rows.js";

const TABLES: Readonly<Record<RollupWidth, string>> = {
  hourly: "rollup_hourly",
  daily: "rollup_daily",
};

/** One series' rolled up buckets that begin in a window, oldest first. */
export async function rollupBuckets(
  db: Db,
  query: {
    readonly seriesId: number;
    readonly width: RollupWidth;
    readonly startMs: number;
    readonly endMs: number;
  },
): Promise<readonly Bucket[]> {
  const { rows } = await db.query<BucketRow>(
    `SELECT (extract(epoch FROM bucket) * 1000)::float8 AS time_ms, latency_min_ms,
            latency_median_ms, latency_p95_ms, latency_max_ms, loss_pct, availability_pct,
            samples, answered, coverage_pct / 100 * $4::float8 AS covered_ms
     FROM ${TABLES[query.width]}
     WHERE series_id = $1 AND bucket >= $2 AND bucket < $3
     ORDER BY bucket`,
    [query.seriesId, new Date(query.startMs), new Date(query.endMs), BUCKET_MS[query.width]],
  );
  return rows.map(toBucket);
}

/**
 * Until when buckets of a width are rolled up (epoch ms, the end of the newest one), of one series
 * or of all; null when none is.
 */
export async function rolledUpUntil(
  db: Db,
  width: RollupWidth,
  seriesId: number | null = null,
): Promise<number | null> {
  const { rows } = await db.query<{ newest: Date | null }>(
    `SELECT max(bucket) AS newest FROM ${TABLES[width]} ${seriesId === null ? "" : "WHERE series_id = $1"}`,
    seriesId === null ? [] : [seriesId],
  );
  const newest = rows[0]?.newest ?? null;
  return newest === null ? null : newest.getTime() + BUCKET_MS[width];
}
