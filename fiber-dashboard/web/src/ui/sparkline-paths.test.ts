import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { sparklinePaths } from "./sparkline-paths.js";

const SCALE = { low: 0, high: 100 };

describe("sparklinePaths", () => {
  it("draws nothing of nothing", () => {
    expect(sparklinePaths([], SCALE)).toEqual({ line: "", area: "" });
    expect(sparklinePaths([null, null], SCALE).line).toBe("");
  });

  it("breaks at a gap instead of bridging it", () => {
    const { line } = sparklinePaths([10, 20, null, 30, 40], SCALE);
    expect(line.match(/M/g)).toHaveLength(2);
  });

  it("keeps a lone value visible", () => {
    expect(sparklinePaths([null, 5, null], SCALE).line).toMatch(/h1$/);
  });

  it("puts the top of the scale at the top, whatever else there is", () => {
    expect(sparklinePaths([100, 100], SCALE).line).toBe("M0 2 L100 2");
    expect(sparklinePaths([0, 0], SCALE).line).toBe("M0 22 L100 22");
  });

  it("has one run per stretch of known values, all inside the box", () => {
    const values = fc.array(fc.option(fc.double({ min: -1e6, max: 1e6, noNaN: true })));
    fc.assert(
      fc.property(values, (course) => {
        const { line } = sparklinePaths(course, SCALE);
        const runs = course.filter(
          (value, i) => value !== null && (course[i - 1] ?? null) === null,
        );
        expect(line.match(/M/g) ?? []).toHaveLength(runs.length);
        for (const [, x, y] of line.matchAll(/[ML](\S+) (\S+)/g)) {
          expect(Number(x)).toBeGreaterThanOrEqual(0);
          expect(Number(x)).toBeLessThanOrEqual(100);
          expect(Number(y)).toBeGreaterThanOrEqual(2);
          expect(Number(y)).toBeLessThanOrEqual(22);
        }
      }),
    );
  });
});
