import { expect, it } from "vitest";
import { changeOf } from "./change.js";

it("knows no change when a side is unknown", () => {
  expect(changeOf(null, 3, "lower", 0.01)).toBeNull();
  expect(changeOf(3, null, "lower", 0.01)).toBeNull();
});

it.each([
  [12, 10, "lower", "worse"],
  [8, 10, "lower", "better"],
  [99, 98, "higher", "better"],
  [97, 98, "higher", "worse"],
  [10.001, 10, "lower", "same"],
] as const)("%d after %d, %s is better: %s", (now, before, better, verdict) => {
  expect(changeOf(now, before, better, 0.01)?.verdict).toBe(verdict);
});
