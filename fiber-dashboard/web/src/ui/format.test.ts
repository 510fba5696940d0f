import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { duration, milliseconds, moment, percent, text, UNKNOWN } from "./format.js";

const plain = (formatted: string) => formatted.replaceAll(/[\u202f\u00a0]/g, " ");

describe("milliseconds", () => {
  it.each([
    [0, "0 ms"],
    [0.418, "0.42 ms"],
    [9.5, "9.50 ms"],
    [23.44, "23.4 ms"],
    [187.4, "187 ms"],
    [1_250, "1,250 ms"],
  ])("%f reads %s", (value, words) => {
    expect(plain(text(milliseconds(value, "en")))).toBe(words);
  });

  it("takes the decimal comma in French", () => {
    expect(plain(text(milliseconds(23.44, "fr")))).toBe("23,4 ms");
  });

  it("says nothing of what is unknown, and never 0", () => {
    expect(text(milliseconds(null, "en"))).toBe(UNKNOWN);
    expect(text(milliseconds(undefined, "en"))).toBe(UNKNOWN);
  });
});

describe("percent", () => {
  it.each([
    [0, "0 %"],
    [100, "100 %"],
    [3.14, "3.1 %"],
    [99.982, "99.98 %"],
    [0.004, "< 0.01 %"],
    [99.996, "> 99.99 %"],
  ])("%f reads %s", (value, words) => {
    expect(plain(text(percent(value, "en")))).toBe(words);
  });

  it("claims all or none only when it is so", () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 100, noNaN: true }), (value) => {
        const words = plain(text(percent(value, "en")));
        expect(words === "100 %").toBe(value === 100);
        expect(words === "0 %").toBe(value === 0);
      }),
    );
  });
});

describe("duration", () => {
  it.each([
    [-5_000, "0 s"],
    [999, "0 s"],
    [47_400, "47 s"],
    [12 * 60_000 + 30_000, "12 min"],
    [2 * 3_600_000, "2 h"],
    [2 * 3_600_000 + 5 * 60_000, "2 h 5 min"],
    [3 * 86_400_000 + 4 * 3_600_000, "3 d 4 h"],
  ])("%d ms reads %s", (ms, words) => {
    expect(plain(duration(ms, "en"))).toBe(words);
  });

  it("counts days in French as jours", () => {
    expect(plain(duration(86_400_000, "fr"))).toBe("1 j");
  });

  it("is never empty or negative", () => {
    fc.assert(
      fc.property(fc.integer({ min: -1e9, max: 1e12 }), (ms) => {
        expect(plain(duration(ms, "en"))).toMatch(/^\d+ (s|min|h|d)( \d+ (min|h))?$/);
      }),
    );
  });
});

describe("moment", () => {
  const at = "2026-03-04T10:20:30.000Z";

  it("names the day only when it is not today", () => {
    expect(moment(at, "en", Date.parse(at) + 1_000)).toMatch(/^\d\d:\d\d:30$/);
    expect(moment(at, "en", Date.parse(at) + 5 * 86_400_000)).toMatch(/Mar/);
  });
});
