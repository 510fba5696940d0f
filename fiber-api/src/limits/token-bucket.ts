/** A bucket's content at an instant. */
export interface Bucket {
  readonly tokens: number;
  /** Epoch ms. */
  readonly atMs: number;
}

/** What taking one token gave. */
export interface Taken {
  readonly bucket: Bucket;
  readonly allowed: boolean;
  /** Whole tokens left. */
  readonly remaining: number;
  /** Seconds until the next token, 0 when allowed. */
  readonly retryAfterS: number;
}

/**
 * Takes one token from a bucket that holds `perMinute` tokens and refills evenly; without a bucket
 * it starts full. A clock that jumped back refills nothing.
 */
export function takeToken(bucket: Bucket | null, nowMs: number, perMinute: number): Taken {
  const perMs = perMinute / 60_000;
  const passedMs = bucket === null ? 0 : Math.max(0, nowMs - bucket.atMs);
  const tokens =
    bucket === null ? perMinute : Math.min(perMinute, bucket.tokens + passedMs * perMs);
  if (tokens >= 1) {
    const left = tokens - 1;
    return {
      bucket: { tokens: left, atMs: nowMs },
      allowed: true,
      remaining: Math.floor(left),
      retryAfterS: 0,
    };
  }
  return {
    bucket: { tokens, atMs: nowMs },
    allowed: false,
    remaining: 0,
    retryAfterS: Math.max(1, Math.ceil((1 - tokens) / perMs / 1000)),
  };
}
