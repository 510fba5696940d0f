import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ChartPoint } from "#contracts";
import { preparePoints } from "./prepare-points.js";

const START = Date.parse("2026-03-04T10:00:00Z");
const BUCKET_S = 10;

function point(index: number, latency: number | null, loss: number | null): ChartPoint {
  return {
    time: new Date(START + index * BUCKET_S * 1_000).toISOString(),
    latency_min_ms: latency,
    latency_median_ms: latency,
    latency_p95_ms: latency,
    latency_max_ms: latency,
    loss_pct: loss,
    availability_pct: loss === null ? null : 100 - loss,
    coverage_pct: loss === null ? 0 : 100,
  };
}

const prepare = (points: readonly ChartPoint[], buckets: number) =>
  preparePoints({
    start: new Date(START).toISOString(),
    end: new Date(START + buckets * BUCKET_S * 1_000).toISOString(),
    bucket_s: BUCKET_S,
    points,
  });

const seconds = (index: number) => START / 1_000 + index * BUCKET_S;

describe("preparePoints", () => {
  it("finds no gap where everything is known", () => {
    const prepared = prepare(
      [0, 1, 2, 3].map((i) => point(i, 5, 0)),
      4,
    );
    expect(prepared.unknown).toEqual([]);
    expect(prepared.silent).toEqual([]);
  });

  it("calls empty points and missing points the same: unknown", () => {
    const known = [0, 1, 6, 7].map((i) => point(i, 5, 0));
    const empty = [2, 3, 4, 5].map((i) => point(i, null, null));
    const gap = [{ from: seconds(2), to: seconds(6) }];
    expect(prepare(known, 8).unknown).toEqual(gap);
    expect(prepare([...known, ...empty], 8).unknown).toEqual(gap);
  });

  it("is unknown before the first point, and after the last once it is late", () => {
    const prepared = prepare([point(3, 5, 0)], 10);
    expect(prepared.unknown).toEqual([
      { from: seconds(0), to: seconds(3) },
      { from: seconds(4), to: seconds(10) },
    ]);
    expect(prepare([point(7, 5, 0)], 10).unknown.at(-1)?.to).toBe(seconds(7));
  });

  it("tells silence from not knowing", () => {
    const points = [point(0, 5, 0), point(1, null, 100), point(2, null, 100), point(3, 5, 0)];
    const prepared = prepare(points, 4);
    expect(prepared.unknown).toEqual([]);
    expect(prepared.silent).toEqual([{ from: seconds(1), to: seconds(3) }]);
  });

  it("knows exactly what no gap covers", () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { minLength: 1, maxLength: 60 }), (known) => {
        const points = known.flatMap((is, i) => (is ? [point(i, 5, 0)] : []));
        const { unknown } = prepare(points, known.length);
        for (const [index, is] of known.entries()) {
          const middle = seconds(index) + BUCKET_S / 2;
          const inGap = unknown.some((gap) => gap.from < middle && middle < gap.to);
          const mayStillCome = !known.slice(index).includes(true) && index >= known.length - 2;
          if (is) expect(inGap).toBe(false);
          else if (!mayStillCome) expect(inGap).toBe(true);
        }
      }),
    );
  });
});
