import type { Db } from "../pool.js";
import { fleetSeriesOf } from "./fleet-series.js";

/** What fleet figures are grouped by. */
export type FleetKey = "region" | "node" | "fleet";

/** Figures of a group of nodes over a window; null is unknown. Latencies in ms, shares in percent. */
export interface GroupFigures {
  readonly key: string;
  readonly nodes: number;
  readonly samples: number;
  readonly latencyAvgMs: number | null;
  readonly latencyMinMs: number | null;
  readonly latencyP50Ms: number | null;
  readonly latencyP95Ms: number | null;
  readonly latencyMaxMs: number | null;
  readonly lossPct: number | null;
  readonly availabilityPct: number | null;
  readonly coveragePct: number;
}

const KEYS: Readonly<Record<FleetKey, string>> = {
  region: "f.region",
  node: "f.node_id",
  fleet: "''",
};

interface Row {
  readonly key: string;
  readonly nodes: number;
  readonly samples: number;
  readonly latency_avg_ms: number | null;
  readonly latency_min_ms: number | null;
  readonly quantiles: readonly (number | null)[] | null;
  readonly latency_max_ms: number | null;
  readonly loss_pct: number | null;
  readonly availability_pct: number | null;
  readonly coverage_pct: number;
}

/**
 * Exact figures of every group from the samples themselves; for windows of up to some ten
 * thousand rounds. Coverage is the mean of the nodes' own.
 */
export async function fleetFiguresRaw(
  db: Db,
  query: {
    readonly by: FleetKey;
    readonly startMs: number;
    readonly endMs: number;
    /** Null or left out: every region. */
    readonly region?: string | null;
  },
): Promise<readonly GroupFigures[]> {
  const { rows } = await db.query<Row>(
    `WITH fleet AS (SELECT ${KEYS[query.by]} AS key, f.* FROM (${fleetSeriesOf(4)}) f),
     seen AS MATERIALIZED (
       SELECT f.key, x.series_id, x.latency_ms, x.packet_loss, x.uptime_pct,
              coalesce(x.latency_min_ms, x.latency_ms) AS low,
              coalesce(x.latency_max_ms, x.latency_ms) AS high
       FROM fleet f JOIN samples x ON x.series_id = f.series_id
       WHERE x.time >= $1 AND x.time < $2),
     counted AS (SELECT series_id, count(*) AS n FROM seen GROUP BY series_id),
     figures AS (
       SELECT key, count(*)::int AS samples, avg(latency_ms) AS latency_avg_ms,
              min(low) AS latency_min_ms, max(high) AS latency_max_ms,
              percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY latency_ms) AS quantiles,
              avg(packet_loss) AS loss_pct, avg(uptime_pct) AS availability_pct
       FROM seen GROUP BY key)
     SELECT f.key, count(DISTINCT f.node_id)::int AS nodes,
            100 * avg(least(1, coalesce(c.n, 0) * f.interval_ms / $3::float8)) AS coverage_pct,
            coalesce(g.samples, 0) AS samples, g.latency_avg_ms, g.latency_min_ms,
            g.latency_max_ms, g.quantiles, g.loss_pct, g.availability_pct
     FROM fleet f LEFT JOIN counted c USING (series_id) LEFT JOIN figures g ON g.key = f.key
     GROUP BY f.key, g.samples, g.latency_avg_ms, g.latency_min_ms, g.latency_max_ms,
              g.quantiles, g.loss_pct, g.availability_pct
     ORDER BY f.key`,
    [
      new Date(query.startMs),
      new Date(query.endMs),
      query.endMs - query.startMs,
      query.region ?? null,
    ],
  );
  return rows.map(toFigures);
}

function toFigures(row: Row): GroupFigures {
  return {
    key: row.key,
    nodes: row.nodes,
    samples: row.samples,
    latencyAvgMs: row.latency_avg_ms,
    latencyMinMs: row.latency_min_ms,
    latencyP50Ms: row.quantiles?.[0] ?? null,
    latencyP95Ms: row.quantiles?.[1] ?? null,
    latencyMaxMs: row.latency_max_ms,
    lossPct: row.loss_pct,
    availabilityPct: row.availability_pct,
    coveragePct: row.coverage_pct,
  };
}
