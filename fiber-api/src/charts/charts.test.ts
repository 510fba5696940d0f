import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Bucket } from "#db";
import { chartPoints } from "./chart-points.js";
import { mergeBuckets } from "./merge-buckets.js";
import { planSeries } from "./plan-series.js";

const NOW_MS = Date.UTC(2026, 4, 13, 10);
const DAY_MS = 86_400_000;

const anyQuery = fc
  .record({
    agoMs: fc.integer({ min: 0, max: 365 * DAY_MS }),
    lengthMs: fc.integer({ min: 1, max: 366 * DAY_MS }),
    points: fc.integer({ min: 2, max: 2_000 }),
    intervalMs: fc.integer({ min: 1_000, max: 3_600_000 }),
  })
  .map(({ agoMs, lengthMs, points, intervalMs }) => {
    const endMs = NOW_MS - agoMs;
    return { startMs: endMs - lengthMs, endMs, points, intervalMs, nowMs: NOW_MS };
  });

describe("planSeries", () => {
  test.each([
    [3_600_000, 300, "raw", 15],
    [DAY_MS, 300, "raw", 300],
    [7 * DAY_MS, 300, "hourly", 3_600],
    [30 * DAY_MS, 300, "hourly", 10_800],
    [90 * DAY_MS, 100, "daily", 86_400],
    [365 * DAY_MS, 100, "daily", 4 * 86_400],
  ])("%d ms in at most %d points is %s by %d s", (lengthMs, points, resolution, seconds) => {
    const window = { startMs: NOW_MS - lengthMs, endMs: NOW_MS, nowMs: NOW_MS };
    const plan = planSeries({ ...window, points, intervalMs: 10_000 });
    expect([plan.resolution, plan.bucketMs / 1_000]).toEqual([resolution, seconds]);
  });

  test("holds the window in at most the asked points, on whole buckets", () => {
    fc.assert(
      fc.property(anyQuery, (query) => {
        const { startMs, endMs, bucketMs } = planSeries(query);
        expect(startMs).toBeLessThanOrEqual(query.startMs);
        expect(endMs).toBeGreaterThanOrEqual(query.endMs);
        expect(query.startMs - startMs).toBeLessThan(bucketMs);
        expect(endMs - query.endMs).toBeLessThan(bucketMs);
        expect((endMs - startMs) / bucketMs).toBeLessThanOrEqual(query.points);
        expect([Math.abs(startMs % bucketMs), Math.abs(endMs % bucketMs)]).toEqual([0, 0]);
      }),
    );
  });

  test("never reads what is no longer kept", () => {
    fc.assert(
      fc.property(anyQuery, (query) => {
        const { resolution } = planSeries(query);
        const ageMs = NOW_MS - query.startMs;
        if (resolution === "raw") expect(ageMs).toBeLessThanOrEqual(7 * DAY_MS);
        if (resolution === "hourly") expect(ageMs).toBeLessThanOrEqual(90 * DAY_MS);
      }),
    );
  });
});

const anyBucket: fc.Arbitrary<Bucket> = fc
  .record({
    timeMs: fc.nat(200).map((i) => i * 3_600_000),
    latencies: fc.option(
      fc.tuple(...Array.from({ length: 4 }, () => fc.double({ min: 0, max: 60_000, noNaN: true }))),
    ),
    lossPct: fc.double({ min: 0, max: 100, noNaN: true }),
    availabilityPct: fc.double({ min: 0, max: 100, noNaN: true }),
    samples: fc.integer({ min: 1, max: 360 }),
  })
  .map(({ latencies, ...rest }) => {
    const sorted = latencies === null ? [] : [...latencies].sort((a, b) => a - b);
    const [low = null, median = null, p95 = null, high = null] = sorted;
    return {
      ...rest,
      latencyMinMs: low,
      latencyMedianMs: median,
      latencyP95Ms: p95,
      latencyMaxMs: high,
      answered: latencies === null ? 0 : rest.samples,
      coveredMs: rest.samples * 10_000,
    };
  });

const someBuckets = fc.uniqueArray(anyBucket, { selector: (b) => b.timeMs, maxLength: 60 });

describe("mergeBuckets", () => {
  test("keeps counts, extremes and order of quantiles", () => {
    fc.assert(
      fc.property(someBuckets, fc.integer({ min: 1, max: 48 }), (buckets, hours) => {
        const merged = [...mergeBuckets(buckets, hours * 3_600_000).values()];
        const sum = (all: readonly Bucket[], read: (b: Bucket) => number) =>
          all.reduce((total, b) => total + read(b), 0);
        for (const read of [(b: Bucket) => b.samples, (b: Bucket) => b.answered]) {
          expect(sum(merged, read)).toBe(sum(buckets, read));
        }
        expect(sum(merged, (b) => b.lossPct * b.samples)).toBeCloseTo(
          sum(buckets, (b) => b.lossPct * b.samples),
          3,
        );
        for (const {
          latencyMinMs: a,
          latencyMedianMs: b,
          latencyP95Ms: c,
          latencyMaxMs: d,
        } of merged) {
          if (a === null || b === null || c === null || d === null) continue;
          expect(a <= b + 1e-6 && b <= c + 1e-6 && c <= d + 1e-6).toBe(true);
        }
      }),
    );
  });

  test("by their own width they stay what they are", () => {
    fc.assert(
      fc.property(someBuckets, (buckets) => {
        const sorted = (all: Iterable<Bucket>) => [...all].sort((a, b) => a.timeMs - b.timeMs);
        expect(sorted(mergeBuckets(buckets, 3_600_000).values())).toEqual(sorted(buckets));
      }),
    );
  });
});

describe("chartPoints", () => {
  test("one per bucket; a gap is null, not zero", () => {
    const window = { startMs: 0, endMs: 30_000, bucketMs: 10_000, nowMs: 1_000_000 };
    const bucket: Bucket = {
      timeMs: 10_000,
      latencyMinMs: 1,
      latencyMedianMs: 2,
      latencyP95Ms: 3,
      latencyMaxMs: 4,
      lossPct: 0,
      availabilityPct: 100,
      samples: 1,
      answered: 1,
      coveredMs: 10_000,
    };
    const points = chartPoints(new Map([[10_000, bucket]]), window);
    expect(points.map((p) => [p.latency_median_ms, p.loss_pct, p.coverage_pct])).toEqual([
      [null, null, 0],
      [2, 0, 100],
      [null, null, 0],
    ]);
  });

  test("the bucket of this moment is covered as far as it has passed", () => {
    const window = { startMs: 0, endMs: 60_000, bucketMs: 60_000, nowMs: 30_000 };
    const bucket = { timeMs: 0, coveredMs: 15_000 } as Bucket;
    expect(chartPoints(new Map([[0, bucket]]), window)[0]?.coverage_pct).toBe(50);
  });
});
