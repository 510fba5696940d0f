import fc from "fast-check";
import { expect, test } from "vitest";
import { formatDuration, parseDuration } from "./duration.js";

test.each([
  ["500ms", 500],
  ["10s", 10_000],
  ["1.5m", 90_000],
  ["2 h", 7_200_000],
])("%s is %i ms", (text, ms) => {
  expect(parseDuration(text)).toBe(ms);
});

test.each(["10", "ten s", "10 sec", "-1s", "", "1e3s", "10s5", "Infinitys", "9".repeat(400)])(
  "%s is no duration",
  (text) => {
    expect(parseDuration(text)).toBeNull();
  },
);

test("what is written is read back", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 86_400_000 }), (ms) => {
      expect(parseDuration(formatDuration(ms))).toBe(ms);
    }),
  );
});
