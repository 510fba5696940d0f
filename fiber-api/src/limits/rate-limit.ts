import { type Bucket, type Taken, takeToken } from "./token-bucket.js";

/** Buckets by key (a token's id, or an address) with one rate. */
export interface RateLimit {
  readonly perMinute: number;
  /** Takes one token of `key`; null when there is no limit. */
  take(key: string): Taken | null;
  /** Whether `key` has a token left, without taking it. */
  hasToken(key: string): boolean;
}

const MAX_KEYS = 50_000;

/** Keeps at most 50,000 buckets; beyond that the full ones are forgotten, then the oldest. */
export function createRateLimit(perMinute: number, nowMs: () => number): RateLimit {
  const buckets = new Map<string, Bucket>();

  function makeRoom(): void {
    const now = nowMs();
    for (const [key, bucket] of buckets) {
      // A full bucket is the same as none.
      if (bucket.tokens + ((now - bucket.atMs) * perMinute) / 60_000 >= perMinute) {
        buckets.delete(key);
      }
    }
    for (const key of buckets.keys()) {
      if (buckets.size < MAX_KEYS) break;
      buckets.delete(key);
    }
  }

  return {
    perMinute,
    take: (key) => {
      if (perMinute === 0) return null;
      const known = buckets.get(key) ?? null;
      const taken = takeToken(known, nowMs(), perMinute);
      if (known === null && buckets.size >= MAX_KEYS) makeRoom();
      buckets.set(key, taken.bucket);
      return taken;
    },
    hasToken: (key) =>
      perMinute === 0 || takeToken(buckets.get(key) ?? null, nowMs(), perMinute).allowed,
  };
}
