import fc from "fast-check";
import { expect, test } from "vitest";
import { backoffMs, parseRetryAfter, REFUSAL, TROUBLE } from "./retry.js";

const NOW = Date.parse("2026-11-22T10:00:00Z");

test.each([
  ["120", 120_000],
  ["0", 0],
  ["Sun, 22 Nov 2026 10:00:30 GMT", 30_000],
  ["Sun, 22 Nov 2026 09:00:00 GMT", 0],
  ["999999999", 3_600_000],
])("Retry-After %s is %i ms", (header, ms) => {
  expect(parseRetryAfter(header, NOW)).toBe(ms);
});

test.each([undefined, "", "soon", "-5", "1.5", "Xyz nonsense"])("%s asks for nothing", (header) => {
  expect(parseRetryAfter(header, NOW)).toBeNull();
});

test("any header gives null or a wait of at most an hour", () => {
  fc.assert(
    fc.property(fc.string(), (header) => {
      const waitMs = parseRetryAfter(header, NOW);
      if (waitMs === null) return;
      expect(waitMs).toBeGreaterThanOrEqual(0);
      expect(waitMs).toBeLessThanOrEqual(3_600_000);
    }),
  );
});

test("the wait doubles up to its cap and uses the whole range", () => {
  expect(backoffMs(TROUBLE, 1, () => 0.999_999)).toBe(1_000);
  expect(backoffMs(TROUBLE, 4, () => 0.999_999)).toBe(8_000);
  expect(backoffMs(TROUBLE, 5_000, () => 0.999_999)).toBe(60_000);
  expect(backoffMs(TROUBLE, 4, () => 0)).toBe(0);
});

test("a refusal waits at least half", () => {
  expect(backoffMs(REFUSAL, 1, () => 0, 0.5)).toBe(30_000);
});
