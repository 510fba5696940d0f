import { expect, it } from "vitest";
import { recordedPoints } from "../../../testing/recorded-figures.js";
import { cutSpike, latencyTop } from "./latency-scale.js";
import { lossStep } from "./loss-colors.js";
import { preparePoints } from "./prepare-points.js";

const WINDOW = {
  startMs: Date.parse("2026-03-04T10:00:00Z"),
  endMs: Date.parse("2026-03-04T11:00:00Z"),
};

function prepared(spikeMs: number | null) {
  const points = recordedPoints(WINDOW, 20, false).map((point, index) =>
    index === 60 && spikeMs !== null ? { ...point, latency_max_ms: spikeMs } : point,
  );
  return preparePoints({
    start: new Date(WINDOW.startMs).toISOString(),
    end: new Date(WINDOW.endMs).toISOString(),
    bucket_s: 30,
    points,
  });
}

it("shows the whole band when it is calm", () => {
  expect(cutSpike(prepared(null))).toBeNull();
  expect(latencyTop(prepared(null))).toBeGreaterThan(30);
});

it("cuts a spike and says how high it was", () => {
  expect(cutSpike(prepared(9_000))).toBe(9_000);
  expect(latencyTop(prepared(9_000))).toBeLessThan(200);
});

it.each([
  [null, "0 %"],
  [0, "0 %"],
  [0.1, "> 0 %"],
  [5, "≥ 5 %"],
  [100, "≥ 20 %"],
])("loss of %s takes the step %s", (loss, label) => {
  expect(lossStep(loss).label).toBe(label);
});
