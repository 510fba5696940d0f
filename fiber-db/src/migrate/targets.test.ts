import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { downgradeTarget, upgradeTarget } from "./targets.js";

describe("upgradeTarget", () => {
  it.each([
    ["head", 4],
    ["+1", 3],
    ["+2", 4],
    ["0002", 2],
    ["3", 3],
    ["0004", 4],
  ])("reads %s with 2 of 4 applied", (target, wanted) => {
    expect(upgradeTarget(target, 4, 2)).toBe(wanted);
  });

  it.each(["", "+0", "+3", "0001", "0005", "-1", "base", "HEAD", "4.0", "1e0"])(
    "refuses %j",
    (target) => {
      expect(() => upgradeTarget(target, 4, 2)).toThrow(expect.objectContaining({ code: "USAGE" }));
    },
  );
});

describe("downgradeTarget", () => {
  it.each([
    ["base", 0],
    ["-1", 2],
    ["-3", 0],
    ["0001", 1],
    ["3", 3],
  ])("reads %s with 3 applied", (target, wanted) => {
    expect(downgradeTarget(target, 3)).toBe(wanted);
  });

  it.each(["", "-0", "-4", "0004", "+1", "head", "0000"])("refuses %j", (target) => {
    expect(() => downgradeTarget(target, 3)).toThrow(expect.objectContaining({ code: "USAGE" }));
  });
});

it("never aims outside what there is", () => {
  const target = fc.oneof(fc.string(), fc.stringMatching(/^[+-]?\d{1,5}$/));
  fc.assert(
    fc.property(target, fc.nat(30), fc.nat(30), (text, a, b) => {
      const [applied, known] = [Math.min(a, b), Math.max(a, b)];
      const up = attempt(() => upgradeTarget(text, known, applied)) ?? applied;
      const down = attempt(() => downgradeTarget(text, applied)) ?? 0;
      expect(up).toBeGreaterThanOrEqual(applied);
      expect(up).toBeLessThanOrEqual(known);
      expect(down).toBeGreaterThanOrEqual(0);
      expect(down).toBeLessThanOrEqual(applied);
    }),
  );
});

function attempt(read: () => number): number | null {
  try {
    return read();
  } catch (cause) {
    expect(cause).toMatchObject({ code: "USAGE" });
    return null;
  }
}
