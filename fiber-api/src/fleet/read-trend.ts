import type { ClusterView } from "#contracts";
import { type Db, fleetTrendRaw, fleetTrendRolled, type TrendBucket } from "#db";
import { chartPoints } from "../charts/chart-points.js";
import { mergeBuckets } from "../charts/merge-buckets.js";
import { planSeries } from "../charts/plan-series.js";
import type { FleetWindow } from "./fleet-window.js";

const HOUR_MS = 3_600_000;
const MAX_POINTS = 120;

/** The fleet's trend over a window, with the width of a point in seconds. */
export async function readTrend(
  db: Db,
  window: FleetWindow,
  nowMs: number,
): Promise<Pick<ClusterView, "trend" | "bucket_s">> {
  const cut = planSeries({
    ...window,
    points: MAX_POINTS,
    intervalMs: window.resolution === "raw" ? 10_000 : HOUR_MS,
    nowMs,
  });
  const buckets = await readBuckets(db, window, cut.bucketMs);
  const probes = new Map<number, number>();
  for (const bucket of buckets) {
    const timeMs = Math.floor(bucket.timeMs / cut.bucketMs) * cut.bucketMs;
    probes.set(timeMs, Math.max(probes.get(timeMs) ?? 0, bucket.probesReporting));
  }
  const points = chartPoints(mergeBuckets(buckets, cut.bucketMs), { ...cut, nowMs });
  return {
    bucket_s: cut.bucketMs / 1000,
    trend: points.map((point, i) => ({
      ...point,
      probes_reporting: probes.get(cut.startMs + i * cut.bucketMs) ?? 0,
    })),
  };
}

async function readBuckets(
  db: Db,
  window: FleetWindow,
  bucketMs: number,
): Promise<readonly TrendBucket[]> {
  if (window.resolution === "raw") return fleetTrendRaw(db, { ...window, bucketMs });
  const { startMs, rawFromMs, endMs, region = null } = window;
  const parts = await Promise.all([
    fleetTrendRolled(db, { startMs, endMs: rawFromMs, region }),
    fleetTrendRaw(db, { startMs: rawFromMs, endMs, bucketMs: HOUR_MS, region }),
  ]);
  return parts.flat();
}
