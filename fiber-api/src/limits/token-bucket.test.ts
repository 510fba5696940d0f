import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createRateLimit } from "./rate-limit.js";
import { type Bucket, takeToken } from "./token-bucket.js";

describe("takeToken", () => {
  test("a new bucket is full, an empty one refills evenly", () => {
    let bucket: Bucket | null = null;
    for (let left = 59; left >= 0; left--) {
      const taken = takeToken(bucket, 0, 60);
      expect(taken).toMatchObject({ allowed: true, remaining: left, retryAfterS: 0 });
      bucket = taken.bucket;
    }
    expect(takeToken(bucket, 0, 60)).toMatchObject({
      allowed: false,
      remaining: 0,
      retryAfterS: 1,
    });
    expect(takeToken(bucket, 999, 60).allowed).toBe(false);
    expect(takeToken(bucket, 1_000, 60).allowed).toBe(true);
  });

  test("waiting as long as told is enough", () => {
    const look = fc.record({ afterMs: fc.nat(5_000) });
    fc.assert(
      fc.property(
        fc.array(look, { maxLength: 300 }),
        fc.integer({ min: 1, max: 500 }),
        (looks, rate) => {
          let bucket: Bucket | null = null;
          let nowMs = 0;
          for (const { afterMs } of looks) {
            nowMs += afterMs;
            const taken = takeToken(bucket, nowMs, rate);
            bucket = taken.bucket;
            if (taken.allowed) continue;
            expect(takeToken(bucket, nowMs + taken.retryAfterS * 1_000, rate).allowed).toBe(true);
          }
        },
      ),
    );
  });

  test("never more in any span than the bucket holds and the span refills", () => {
    const gaps = fc.array(fc.nat(2_000), { minLength: 1, maxLength: 300 });
    fc.assert(
      fc.property(gaps, fc.integer({ min: 1, max: 200 }), (afterMs, rate) => {
        let bucket: Bucket | null = null;
        let nowMs = 0;
        let allowed = 0;
        for (const ms of afterMs) {
          nowMs += ms;
          const taken = takeToken(bucket, nowMs, rate);
          bucket = taken.bucket;
          if (taken.allowed) allowed++;
        }
        expect(allowed).toBeLessThanOrEqual(rate + (rate * nowMs) / 60_000 + 1e-6);
      }),
    );
  });

  test("a clock that jumps back gives nothing and takes nothing", () => {
    const { bucket } = takeToken({ tokens: 1, atMs: 60_000 }, 60_000, 1);
    expect(takeToken(bucket, 0, 1).allowed).toBe(false);
  });
});

describe("createRateLimit", () => {
  test("keys do not share tokens, 0 is no limit", () => {
    let nowMs = 0;
    const limit = createRateLimit(1, () => nowMs);
    expect([limit.take("a")?.allowed, limit.take("a")?.allowed, limit.take("b")?.allowed]).toEqual([
      true,
      false,
      true,
    ]);
    expect([limit.hasToken("a"), limit.hasToken("c")]).toEqual([false, true]);
    nowMs = 60_000;
    expect(limit.take("a")?.allowed).toBe(true);
    expect(createRateLimit(0, () => nowMs).take("a")).toBeNull();
  });

  test("a flood of keys does not grow without bound, and forgets full buckets first", () => {
    let nowMs = 0;
    const limit = createRateLimit(60, () => nowMs);
    for (let i = 0; i < 50_000; i++) limit.take(`old-${i}`);
    nowMs = 10_000;
    for (let i = 0; i < 61; i++) limit.take("busy");
    expect(limit.hasToken("busy")).toBe(false);
    for (let i = 0; i < 100; i++) limit.take(`new-${i}`);
    expect(limit.hasToken("busy")).toBe(false);
  });
});
