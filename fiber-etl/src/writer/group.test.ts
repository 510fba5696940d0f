import { expect, it } from "vitest";
import { createGroup, lateMarks } from "./group.js";

const hourMs = 3_600_000;
const day = Date.parse("2026-11-22T00:00:00Z");

it("marks an hour from a minute after its end on, its day likewise", () => {
  const group = createGroup();
  group.hours.add(day + 23 * hourMs).add(day + 22 * hourMs);
  const end = day + 24 * hourMs;
  expect(lateMarks(group, end)).toEqual([{ width: "hourly", bucketMs: day + 22 * hourMs }]);
  expect(lateMarks(group, end + 60_000)).toHaveLength(1);
  expect(lateMarks(group, end + 60_001)).toEqual([
    { width: "hourly", bucketMs: day + 23 * hourMs },
    { width: "hourly", bucketMs: day + 22 * hourMs },
    { width: "daily", bucketMs: day },
  ]);
});

it("marks nothing for the hour that is under way or ahead", () => {
  const group = createGroup();
  group.hours.add(day).add(day + hourMs);
  expect(lateMarks(group, day + hourMs)).toEqual([]);
});
