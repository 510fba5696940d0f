import type { Db } from "../pool.js";
import { type Bucket, type BucketRow, toBucket } from "./bucket-rows.js";

/** Which samples to sum up. Epoch ms, `startMs` inclusive, `endMs` exclusive. */
export interface RawBucketsQuery {
  readonly seriesId: number;
  readonly intervalMs: number;
  readonly startMs: number;
  readonly endMs: number;
  /** Width of a bucket; buckets begin at multiples of it since 1970. */
  readonly bucketMs: number;
}

/** One series' samples summed up exactly into buckets, oldest first; empty buckets are left out. */
export async function rawBuckets(db: Db, query: RawBucketsQuery): Promise<readonly Bucket[]> {
  const { rows } = await db.query<BucketRow>(
    `SELECT floor(extract(epoch FROM x.time)::float8 * 1000 / $4::float8) * $4::float8 AS time_ms,
            min(coalesce(x.latency_min_ms, x.latency_ms)) AS latency_min_ms,
            percentile_cont(0.5) WITHIN GROUP (ORDER BY x.latency_ms) AS latency_median_ms,
            percentile_cont(0.95) WITHIN GROUP (ORDER BY x.latency_ms) AS latency_p95_ms,
            max(coalesce(x.latency_max_ms, x.latency_ms)) AS latency_max_ms,
            avg(x.packet_loss) AS loss_pct, avg(x.uptime_pct) AS availability_pct,
            count(*)::int AS samples, count(x.latency_ms)::int AS answered,
            least(count(*) * $5::float8, $4::float8) AS covered_ms
     FROM samples x
     WHERE x.series_id = $1 AND x.time >= $2 AND x.time < $3
     GROUP BY 1 ORDER BY 1`,
    [
      query.seriesId,
      new Date(query.startMs),
      new Date(query.endMs),
      query.bucketMs,
      query.intervalMs,
    ],
  );
  return rows.map(toBucket);
}
