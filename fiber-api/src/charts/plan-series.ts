import { RETENTION_DAYS, type RollupWidth } from "#db";

/** How a chart's window is cut into buckets, and from what. Epoch ms; both ends lie on buckets. */
export interface SeriesPlan {
  readonly resolution: "raw" | RollupWidth;
  readonly bucketMs: number;
  readonly startMs: number;
  readonly endMs: number;
}

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

/** Widths that people count in, s; beyond a day whole days. */
const NICE_S = [
  1, 2, 5, 10, 15, 20, 30, 60, 120, 180, 300, 600, 900, 1_200, 1_800, 3_600, 7_200, 10_800, 21_600,
  43_200, 86_400,
];

/**
 * The narrowest nice bucket, no narrower than a round, with which a window takes at most `points`
 * buckets. Below an hour they come from samples while those are kept, else from hours; from an
 * hour on from hours while those are kept, from a day on from days.
 */
export function planSeries(query: {
  readonly startMs: number;
  readonly endMs: number;
  readonly points: number;
  readonly intervalMs: number;
  readonly nowMs: number;
}): SeriesPlan {
  const ageMs = query.nowMs - query.startMs;
  const leastMs =
    ageMs > RETENTION_DAYS.hourly * DAY_MS
      ? DAY_MS
      : ageMs > RETENTION_DAYS.raw * DAY_MS
        ? HOUR_MS
        : query.intervalMs;
  const bucketMs = niceBucket(query, leastMs);
  return {
    resolution: bucketMs >= DAY_MS ? "daily" : bucketMs >= HOUR_MS ? "hourly" : "raw",
    bucketMs,
    ...align(query, bucketMs),
  };
}

function niceBucket(
  window: { readonly startMs: number; readonly endMs: number; readonly points: number },
  leastMs: number,
): number {
  for (const s of NICE_S) if (s * 1000 >= leastMs && fits(window, s * 1000)) return s * 1000;
  let days = Math.max(2, Math.ceil((window.endMs - window.startMs) / window.points / DAY_MS));
  while (!fits(window, days * DAY_MS)) days++;
  return days * DAY_MS;
}

function fits(
  window: { readonly startMs: number; readonly endMs: number; readonly points: number },
  bucketMs: number,
): boolean {
  const { startMs, endMs } = align(window, bucketMs);
  return (endMs - startMs) / bucketMs <= window.points;
}

/** The window widened to whole buckets. */
function align(window: { readonly startMs: number; readonly endMs: number }, bucketMs: number) {
  return {
    startMs: Math.floor(window.startMs / bucketMs) * bucketMs,
    endMs: Math.ceil(window.endMs / bucketMs) * bucketMs,
  };
}
