import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { SeriesFigures } from "#db";
import { groupSeries } from "./group-series.js";
import { mixQuantile } from "./mix-quantile.js";

const figures = (fields: Partial<SeriesFigures> = {}): SeriesFigures => ({
  nodeId: "a",
  region: "Accra",
  samples: 100,
  answered: 100,
  latencyMinMs: 10,
  latencyAvgMs: 21,
  latencyMedianMs: 20,
  latencyP95Ms: 30,
  latencyMaxMs: 40,
  lossPct: 0,
  availabilityPct: 100,
  coveragePct: 100,
  ...fields,
});

const anySeries = fc
  .tuple(
    fc.tuple(...Array.from({ length: 4 }, () => fc.double({ min: 0, max: 60_000, noNaN: true }))),
    fc.integer({ min: 1, max: 10_000 }),
  )
  .map(([latencies, answered]) => {
    const [low = 0, median = 0, p95 = 0, high = 0] = [...latencies].sort((a, b) => a - b);
    return figures({
      answered,
      samples: answered,
      latencyMinMs: low,
      latencyMedianMs: median,
      latencyP95Ms: p95,
      latencyMaxMs: high,
    });
  });

describe("mixQuantile", () => {
  test("of one series is its own", () => {
    const one = [figures()];
    expect([0, 0.5, 0.95, 1].map((share) => mixQuantile(one, share))).toEqual([10, 20, 30, 40]);
  });

  test("of equal series is theirs", () => {
    const three = [figures(), figures(), figures()];
    expect(mixQuantile(three, 0.5)).toBeCloseTo(20, 4);
    expect(mixQuantile(three, 0.95)).toBeCloseTo(30, 4);
  });

  test("a slow tenth shows in the 95th percentile, not in the median", () => {
    const slow = figures({
      latencyMinMs: 500,
      latencyMedianMs: 510,
      latencyP95Ms: 520,
      latencyMaxMs: 530,
    });
    const fleet = [...Array.from({ length: 9 }, () => figures()), slow];
    expect(mixQuantile(fleet, 0.5)).toBeLessThan(25);
    expect(mixQuantile(fleet, 0.95)).toBeGreaterThan(500);
  });

  test("lies within its parts and rises with the share", () => {
    fc.assert(
      fc.property(fc.array(anySeries, { minLength: 1, maxLength: 20 }), (series) => {
        const [p50, p95] = [mixQuantile(series, 0.5) ?? 0, mixQuantile(series, 0.95) ?? 0];
        const medians = series.map((s) => s.latencyMedianMs ?? 0);
        expect(p50).toBeGreaterThanOrEqual(Math.min(...medians) - 1e-3);
        expect(p50).toBeLessThanOrEqual(Math.max(...medians) + 1e-3);
        expect(p95).toBeGreaterThanOrEqual(p50 - 1e-3);
        expect(p95).toBeLessThanOrEqual(Math.max(...series.map((s) => s.latencyP95Ms ?? 0)) + 1e-3);
      }),
    );
  });

  test("is unknown when nothing answered", () => {
    const silent = figures({
      latencyMinMs: null,
      latencyMedianMs: null,
      latencyP95Ms: null,
      latencyMaxMs: null,
      answered: 0,
    });
    expect(mixQuantile([silent], 0.5)).toBeNull();
    expect(mixQuantile([silent, figures()], 0.5)).toBeCloseTo(20, 6);
  });
});

describe("groupSeries", () => {
  test("weighs shares by samples, latencies by answers, coverage by series", () => {
    const [group] = groupSeries(
      [
        figures({ samples: 300, answered: 300, lossPct: 0 }),
        figures({
          nodeId: "b",
          samples: 100,
          answered: 50,
          lossPct: 50,
          latencyAvgMs: 91,
          coveragePct: 0,
        }),
      ],
      "region",
    );
    expect(group).toMatchObject({
      key: "Accra",
      nodes: 2,
      samples: 400,
      lossPct: 12.5,
      latencyAvgMs: 31,
      coveragePct: 50,
    });
  });

  test("every series is in exactly one group", () => {
    const series = ["a", "b", "c"].map((nodeId, i) =>
      figures({ nodeId, region: i < 2 ? "x" : "y" }),
    );
    expect(groupSeries(series, "region").map((g) => [g.key, g.nodes])).toEqual([
      ["x", 2],
      ["y", 1],
    ]);
    expect(groupSeries(series, "node").map((g) => g.key)).toEqual(["a", "b", "c"]);
    expect(groupSeries(series, "fleet").map((g) => [g.key, g.nodes])).toEqual([["", 3]]);
    expect(groupSeries([], "fleet")).toEqual([]);
  });
});
