import fc from "fast-check";
import { expect, it } from "vitest";
import { waitMs } from "./live-connection.js";

const failures = fc.nat(1_000);
const chance = fc.double({ min: 0, max: 1, noNaN: true });

it("waits at least half a second and at most half a minute", () => {
  fc.assert(
    fc.property(failures, chance, (count, luck) => {
      const ms = waitMs(count, undefined, luck);
      expect(ms).toBeGreaterThanOrEqual(500);
      expect(ms).toBeLessThanOrEqual(30_000);
    }),
  );
});

it("never comes back before Retry-After", () => {
  fc.assert(
    fc.property(failures, fc.nat(300), chance, (count, retryAfterS, luck) => {
      expect(waitMs(count, retryAfterS, luck)).toBeGreaterThanOrEqual(retryAfterS * 1_000);
    }),
  );
});

it("lets the bound grow with failures", () => {
  expect(waitMs(0, undefined, 1)).toBe(1_000);
  expect(waitMs(3, undefined, 1)).toBe(8_000);
});
