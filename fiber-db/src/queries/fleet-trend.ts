import type { Db } from "../pool.js";
import { type Bucket, type BucketRow, toBucket } from "./bucket-rows.js";
import { fleetSeriesOf } from "./fleet-series.js";

/** One point of the fleet's trend; `coveredMs` is the mean over the fleet's series. */
export interface TrendBucket extends Bucket {
  readonly probesReporting: number;
}

interface TrendRow extends BucketRow {
  readonly probes: number;
}

/** Exact trend from samples: a bucket per `bucketMs`, oldest first, empty ones left out. */
export async function fleetTrendRaw(
  db: Db,
  query: {
    readonly startMs: number;
    readonly endMs: number;
    readonly bucketMs: number;
    /** Null or left out: every region. */
    readonly region?: string | null;
  },
): Promise<readonly TrendBucket[]> {
  const { rows } = await db.query<TrendRow>(
    `WITH fleet AS MATERIALIZED (${fleetSeriesOf(4)}),
     size AS (SELECT count(*)::float8 AS series FROM fleet)
     SELECT floor(extract(epoch FROM x.time)::float8 * 1000 / $3::float8) * $3::float8 AS time_ms,
            min(coalesce(x.latency_min_ms, x.latency_ms)) AS latency_min_ms,
            percentile_cont(0.5) WITHIN GROUP (ORDER BY x.latency_ms) AS latency_median_ms,
            percentile_cont(0.95) WITHIN GROUP (ORDER BY x.latency_ms) AS latency_p95_ms,
            max(coalesce(x.latency_max_ms, x.latency_ms)) AS latency_max_ms,
            avg(x.packet_loss) AS loss_pct, avg(x.uptime_pct) AS availability_pct,
            count(*)::int AS samples, count(x.latency_ms)::int AS answered,
            least(sum(f.interval_ms) / (SELECT series FROM size), $3::float8) AS covered_ms,
            count(DISTINCT f.node_id)::int AS probes
     FROM fleet f JOIN samples x ON x.series_id = f.series_id
     WHERE x.time >= $1 AND x.time < $2
     GROUP BY 1 ORDER BY 1`,
    [new Date(query.startMs), new Date(query.endMs), query.bucketMs, query.region ?? null],
  );
  return rows.map(toTrend);
}

/**
 * Trend by the hour from rolled up hours, oldest first. Median and 95th percentile are those of
 * the series' own.
 */
export async function fleetTrendRolled(
  db: Db,
  query: {
    readonly startMs: number;
    readonly endMs: number;
    /** Null or left out: every region. */
    readonly region?: string | null;
  },
): Promise<readonly TrendBucket[]> {
  const { rows } = await db.query<TrendRow>(
    `WITH fleet AS MATERIALIZED (${fleetSeriesOf(3)}),
     size AS (SELECT count(*)::float8 AS series FROM fleet)
     SELECT (extract(epoch FROM r.bucket) * 1000)::float8 AS time_ms,
            min(r.latency_min_ms) AS latency_min_ms, max(r.latency_max_ms) AS latency_max_ms,
            percentile_cont(0.5) WITHIN GROUP (ORDER BY r.latency_median_ms) AS latency_median_ms,
            percentile_cont(0.95) WITHIN GROUP (ORDER BY r.latency_p95_ms) AS latency_p95_ms,
            sum(r.loss_pct * r.samples) / sum(r.samples) AS loss_pct,
            sum(r.availability_pct * r.samples) / sum(r.samples) AS availability_pct,
            sum(r.samples)::int AS samples, sum(r.answered)::int AS answered,
            least(sum(r.coverage_pct) / 100 / (SELECT series FROM size), 1) * 3600000 AS covered_ms,
            count(DISTINCT f.node_id)::int AS probes
     FROM rollup_hourly r JOIN fleet f USING (series_id)
     WHERE r.bucket >= $1 AND r.bucket < $2
     GROUP BY r.bucket ORDER BY r.bucket`,
    [new Date(query.startMs), new Date(query.endMs), query.region ?? null],
  );
  return rows.map(toTrend);
}

function toTrend(row: TrendRow): TrendBucket {
  return { ...toBucket(row), probesReporting: row.probes };
}
