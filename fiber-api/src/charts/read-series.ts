import {
  type Bucket,
  type Db,
  RETENTION_DAYS,
  rawBuckets,
  rolledUpUntil,
  rollupBuckets,
} from "#db";
import type { SeriesPlan } from "./plan-series.js";

const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

/** One series as its buckets are asked for. */
export interface SeriesQuery {
  readonly seriesId: number;
  readonly intervalMs: number;
  readonly nowMs: number;
}

/**
 * The buckets of a plan, oldest first: days while they are rolled up, then hours, then samples, so
 * that the newest hours are there before they are rolled up.
 */
export async function readSeries(
  db: Db,
  series: SeriesQuery,
  plan: SeriesPlan,
): Promise<readonly Bucket[]> {
  const { startMs, endMs, resolution } = plan;
  if (resolution === "raw") {
    return rawBuckets(db, { ...series, startMs, endMs, bucketMs: plan.bucketMs });
  }
  const clamp = (ms: number | null) => Math.min(Math.max(ms ?? startMs, startMs), endMs);
  const daysEndMs =
    resolution === "daily" ? clamp(await rolledUpUntil(db, "daily", series.seriesId)) : startMs;
  const hoursEndMs = Math.max(daysEndMs, clamp(await rolledUpUntil(db, "hourly", series.seriesId)));
  const oldestRawMs =
    Math.floor((series.nowMs - (RETENTION_DAYS.raw + 1) * DAY_MS) / HOUR_MS) * HOUR_MS;
  const { seriesId } = series;
  const parts = await Promise.all([
    rollupBuckets(db, { seriesId, width: "daily", startMs, endMs: daysEndMs }),
    rollupBuckets(db, { seriesId, width: "hourly", startMs: daysEndMs, endMs: hoursEndMs }),
    rawBuckets(db, {
      ...series,
      startMs: Math.max(hoursEndMs, oldestRawMs),
      endMs,
      bucketMs: HOUR_MS,
    }),
  ]);
  return parts.flat();
}
