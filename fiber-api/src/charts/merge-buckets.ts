import type { Bucket } from "#db";

/**
 * Buckets put together into wider ones that begin at multiples of `bucketMs`. Minimum, maximum,
 * loss and availability stay exact. A quantile of the whole lies between the smallest and the
 * largest of its parts' own; their mean, weighted by answers, is taken for it.
 */
export function mergeBuckets(
  buckets: readonly Bucket[],
  bucketMs: number,
): ReadonlyMap<number, Bucket> {
  const groups = new Map<number, Bucket[]>();
  for (const bucket of buckets) {
    const timeMs = Math.floor(bucket.timeMs / bucketMs) * bucketMs;
    const group = groups.get(timeMs);
    if (group === undefined) groups.set(timeMs, [bucket]);
    else group.push(bucket);
  }
  return new Map([...groups].map(([timeMs, group]) => [timeMs, mergeGroup(timeMs, group)]));
}

function mergeGroup(timeMs: number, group: readonly Bucket[]): Bucket {
  const [only] = group;
  if (only !== undefined && group.length === 1) return { ...only, timeMs };
  const samples = sum(group, (b) => b.samples);
  const byAnswers = (read: (bucket: Bucket) => number | null) =>
    weightedMean(group, (b) => b.answered, read);
  return {
    timeMs,
    latencyMinMs: extreme(group, (b) => b.latencyMinMs, Math.min),
    latencyMedianMs: byAnswers((b) => b.latencyMedianMs),
    latencyP95Ms: byAnswers((b) => b.latencyP95Ms),
    latencyMaxMs: extreme(group, (b) => b.latencyMaxMs, Math.max),
    lossPct:
      weightedMean(
        group,
        (b) => b.samples,
        (b) => b.lossPct,
      ) ?? 0,
    availabilityPct:
      weightedMean(
        group,
        (b) => b.samples,
        (b) => b.availabilityPct,
      ) ?? 0,
    samples,
    answered: sum(group, (b) => b.answered),
    coveredMs: sum(group, (b) => b.coveredMs),
  };
}

function sum<T>(items: readonly T[], read: (item: T) => number): number {
  return items.reduce((total, item) => total + read(item), 0);
}

/** The mean of what is known, null when nothing is. */
export function weightedMean<T>(
  items: readonly T[],
  weigh: (item: T) => number,
  read: (item: T) => number | null,
): number | null {
  let total = 0;
  let weight = 0;
  for (const item of items) {
    const value = read(item);
    if (value === null) continue;
    total += value * weigh(item);
    weight += weigh(item);
  }
  return weight === 0 ? null : total / weight;
}

/** The smallest or largest of what is known, null when nothing is. */
export function extreme<T>(
  items: readonly T[],
  read: (item: T) => number | null,
  pick: (a: number, b: number) => number,
): number | null {
  return items.reduce<number | null>((best, item) => {
    const value = read(item);
    return value === null ? best : best === null ? value : pick(best, value);
  }, null);
}
