import fc from "fast-check";
import { expect, test } from "vitest";
import { icmpTiming, probePeriodMs, SPREAD_SHARE, TIMEOUT_SHARE } from "./round-budget.js";

test("the usual round: 10 pings in 10 s", () => {
  expect(icmpTiming(10, 2_000, 10_000)).toEqual({ periodMs: 650, targetsPerProcess: 325 });
});

test("every round ends within its interval", () => {
  const interval = fc.integer({ min: 1_000, max: 86_400_000 });
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 100 }),
      fc.double({ min: 0.001, max: 1, noNaN: true }),
      interval,
      (count, share, intervalMs) => {
        const pings = icmpTiming(count, share * intervalMs, intervalMs);
        if (pings !== null) {
          expect(count * pings.periodMs + share * intervalMs).toBeLessThanOrEqual(0.9 * intervalMs);
          expect(pings.targetsPerProcess).toBeGreaterThanOrEqual(10);
        }
        const probes = SPREAD_SHARE * intervalMs + count * probePeriodMs(count, intervalMs);
        expect(probes + TIMEOUT_SHARE * intervalMs).toBeLessThanOrEqual(0.95 * intervalMs + 1);
      },
    ),
  );
});
