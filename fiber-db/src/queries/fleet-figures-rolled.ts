import type { Db } from "../pool.js";
import { fleetSeriesOf } from "./fleet-series.js";

/**
 * What one series saw over a window, put together from its hours. Sums are weighted: `answered`
 * for latencies, `samples` for shares. Latencies are null when nothing came back.
 */
export interface SeriesFigures {
  readonly nodeId: string;
  readonly region: string;
  readonly samples: number;
  readonly answered: number;
  readonly latencyMinMs: number | null;
  readonly latencyAvgMs: number | null;
  readonly latencyMedianMs: number | null;
  readonly latencyP95Ms: number | null;
  readonly latencyMaxMs: number | null;
  readonly lossPct: number | null;
  readonly availabilityPct: number | null;
  readonly coveragePct: number;
}

interface Row {
  readonly node_id: string;
  readonly region: string;
  readonly samples: number;
  readonly answered: number;
  readonly low: number | null;
  readonly mean: number | null;
  readonly median: number | null;
  readonly p95: number | null;
  readonly high: number | null;
  readonly loss: number | null;
  readonly availability: number | null;
  readonly coverage_pct: number;
}

/**
 * Every fleet series over a window: rolled up hours until `rawFromMs`, samples from there. Median
 * and 95th percentile are the means of the hours' own, weighted by answers; all else is exact.
 */
export async function fleetFiguresRolled(
  db: Db,
  query: {
    readonly startMs: number;
    readonly rawFromMs: number;
    readonly endMs: number;
    /** Null or left out: every region. */
    readonly region?: string | null;
  },
): Promise<readonly SeriesFigures[]> {
  const { rows } = await db.query<Row>(
    `WITH fleet AS MATERIALIZED (${fleetSeriesOf(5)}),
     parts AS (
       SELECT series_id, sum(samples)::float8 AS n, sum(answered)::float8 AS a,
              min(latency_min_ms) AS low, max(latency_max_ms) AS high,
              sum(latency_avg_ms * answered) AS mean, sum(latency_median_ms * answered) AS median,
              sum(latency_p95_ms * answered) AS p95, sum(loss_pct * samples) AS loss,
              sum(availability_pct * samples) AS up,
              sum(coverage_pct) / 100 * 3600000 AS covered_ms
       FROM rollup_hourly WHERE bucket >= $1 AND bucket < $2 GROUP BY series_id
       UNION ALL
       SELECT f.series_id, t.n, t.a, t.low, t.high, t.mean * t.a, t.q[1] * t.a, t.q[2] * t.a,
              t.loss * t.n, t.up * t.n, t.n * f.interval_ms
       FROM fleet f CROSS JOIN LATERAL (
         SELECT count(*)::float8 AS n, count(latency_ms)::float8 AS a,
                min(coalesce(latency_min_ms, latency_ms)) AS low,
                max(coalesce(latency_max_ms, latency_ms)) AS high, avg(latency_ms) AS mean,
                percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY latency_ms) AS q,
                avg(packet_loss) AS loss, avg(uptime_pct) AS up
         FROM samples x
         WHERE x.series_id = f.series_id AND x.time >= $2 AND x.time < $3) t
       WHERE t.n > 0)
     SELECT f.node_id, f.region, coalesce(sum(n), 0) AS samples, coalesce(sum(a), 0) AS answered,
            min(low) AS low, max(high) AS high, sum(mean) / nullif(sum(a), 0) AS mean,
            sum(median) / nullif(sum(a), 0) AS median, sum(p95) / nullif(sum(a), 0) AS p95,
            sum(loss) / nullif(sum(n), 0) AS loss, sum(up) / nullif(sum(n), 0) AS availability,
            least(100, coalesce(100 * sum(covered_ms) / $4::float8, 0)) AS coverage_pct
     FROM fleet f LEFT JOIN parts p USING (series_id)
     GROUP BY f.series_id, f.node_id, f.region ORDER BY f.node_id`,
    [
      new Date(query.startMs),
      new Date(query.rawFromMs),
      new Date(query.endMs),
      query.endMs - query.startMs,
      query.region ?? null,
    ],
  );
  return rows.map((row) => ({
    nodeId: row.node_id,
    region: row.region,
    samples: row.samples,
    answered: row.answered,
    latencyMinMs: row.low,
    latencyAvgMs: row.mean,
    latencyMedianMs: row.median,
    latencyP95Ms: row.p95,
    latencyMaxMs: row.high,
    lossPct: row.loss,
    availabilityPct: row.availability,
    coveragePct: row.coverage_pct,
  }));
}
