import fc from "fast-check";
import { expect, test } from "vitest";
import { DEFAULT_THRESHOLDS } from "#contracts";
import { DEMO_PATHS, demoFate } from "./path-model.js";

const lagos = DEMO_PATHS.find(({ region }) => region === "Lagos");

function medianDelay(region: string, uptimeMs: number): number {
  const path = DEMO_PATHS.find((candidate) => candidate.region === region);
  if (path === undefined) throw new Error(`no path to ${region}`);
  let draws = 0;
  // Never dropped, and the middle of the jitter.
  const fate = demoFate(path, uptimeMs, () => (draws++ === 0 ? 1 : 0.5));
  return fate.kind === "delay" ? fate.ms : Number.NaN;
}

test("outside spells every region is healthy", () => {
  for (const { region } of DEMO_PATHS) {
    for (let minute = 0; minute <= 3; minute++) {
      expect(medianDelay(region, minute * 60_000)).toBeLessThan(
        DEFAULT_THRESHOLDS.degradedLatencyMs,
      );
    }
  }
});

test("Lagos is degraded, not critical, in the middle of its spell", () => {
  const middleMs = (lagos?.spell?.everyMs ?? 0) / 2;
  const delay = medianDelay("Lagos", middleMs);
  expect(delay).toBeGreaterThan(DEFAULT_THRESHOLDS.degradedLatencyMs);
  expect(delay).toBeLessThan(DEFAULT_THRESHOLDS.criticalLatencyMs);
});

test("a delay is always positive and finite", () => {
  const unit = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  fc.assert(
    fc.property(fc.constantFrom(...DEMO_PATHS), fc.nat(), unit, unit, (path, uptimeMs, a, b) => {
      let draws = 0;
      const fate = demoFate(path, uptimeMs, () => (draws++ === 0 ? a : b));
      if (fate.kind !== "delay") return;
      expect(fate.ms).toBeGreaterThan(path.baseMs * 0.8);
      expect(fate.ms).toBeLessThan(1_000);
    }),
  );
});
