/** Widths of rollups. */
export const ROLLUP_WIDTHS = ["hourly", "daily"] as const;

/** One of {@link ROLLUP_WIDTHS}. */
export type RollupWidth = (typeof ROLLUP_WIDTHS)[number];

/** Length of a bucket in ms. */
export const BUCKET_MS: Readonly<Record<RollupWidth, number>> = {
  hourly: 3_600_000,
  daily: 86_400_000,
};

/** A sample stored for a bucket that ended longer ago than this is late and raises a mark. */
export const LATE_AFTER_MS = 60_000;

/**
 * A bucket is computed at the earliest this long after its end: far longer than a write that did
 * not yet count as late can take to commit.
 */
export const ROLL_AFTER_MS = 300_000;

/** How many days raw samples and rollups are kept. */
export const RETENTION_DAYS = { raw: 7, hourly: 90, daily: 365 } as const;

/** Start of the UTC bucket that holds a moment, epoch ms. */
export function bucketStart(width: RollupWidth, timeMs: number): number {
  return Math.floor(timeMs / BUCKET_MS[width]) * BUCKET_MS[width];
}

/** Start of the first bucket that may not be computed yet at `nowMs`. */
export function firstOpenBucket(width: RollupWidth, nowMs: number): number {
  return bucketStart(width, nowMs - ROLL_AFTER_MS);
}
