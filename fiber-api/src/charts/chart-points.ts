import type { ChartPoint } from "#contracts";
import type { Bucket } from "#db";
import { isoTime } from "../views/sample-view.js";

/** What is drawn: every bucket of a window, measured or not. Epoch ms. */
export interface ChartWindow {
  readonly startMs: number;
  readonly endMs: number;
  readonly bucketMs: number;
  /** Nothing can have been measured after this. */
  readonly nowMs: number;
}

/** One point per bucket; what was not measured is null, never zero. */
export function chartPoints(
  buckets: ReadonlyMap<number, Bucket>,
  window: ChartWindow,
): ChartPoint[] {
  const points: ChartPoint[] = [];
  for (let timeMs = window.startMs; timeMs < window.endMs; timeMs += window.bucketMs) {
    points.push(toPoint(timeMs, buckets.get(timeMs) ?? null, window));
  }
  return points;
}

function toPoint(timeMs: number, bucket: Bucket | null, window: ChartWindow): ChartPoint {
  // The bucket of this moment can only be covered as far as it has passed.
  const passedMs = Math.min(window.bucketMs, window.nowMs - timeMs);
  return {
    time: isoTime(timeMs),
    latency_min_ms: bucket?.latencyMinMs ?? null,
    latency_median_ms: bucket?.latencyMedianMs ?? null,
    latency_p95_ms: bucket?.latencyP95Ms ?? null,
    latency_max_ms: bucket?.latencyMaxMs ?? null,
    loss_pct: bucket?.lossPct ?? null,
    availability_pct: bucket?.availabilityPct ?? null,
    coverage_pct:
      bucket === null || bucket.coveredMs === 0
        ? 0
        : passedMs <= 0
          ? 100
          : Math.min(100, (100 * bucket.coveredMs) / passedMs),
  };
}
