import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DAY_MS, dayOfTable, partitionDay, partitionDays } from "./partition-days.js";

describe("partitionDay", () => {
  it("changes at midnight UTC, whatever the local zone and its summer time", () => {
    const midnight = Date.parse("2026-03-29T00:00:00Z");
    expect(partitionDay(midnight - 1).table).toBe("samples_20260328");
    expect(partitionDay(midnight)).toEqual({
      table: "samples_20260329",
      startMs: midnight,
      endMs: midnight + DAY_MS,
    });
    expect(partitionDay(Date.parse("2028-02-29T23:59:59.999Z")).table).toBe("samples_20280229");
  });

  it("holds its moment and is found again by its name", () => {
    const moments = fc.integer({ min: 0, max: Date.parse("9999-12-31T23:59:59.999Z") });
    fc.assert(
      fc.property(moments, (timeMs) => {
        const day = partitionDay(timeMs);
        expect(day.startMs).toBeLessThanOrEqual(timeMs);
        expect(day.endMs).toBeGreaterThan(timeMs);
        expect(dayOfTable(day.table)).toEqual(day);
      }),
    );
  });
});

describe("partitionDays", () => {
  it("lists the days around now without a hole", () => {
    const days = partitionDays(Date.parse("2026-01-01T12:00:00Z"), { daysBack: 7, daysAhead: 7 });
    expect(days).toHaveLength(15);
    expect(days[0]?.table).toBe("samples_20251225");
    expect(days.at(-1)?.table).toBe("samples_20260108");
    for (const [index, day] of days.entries()) {
      expect(day.startMs).toBe(days[index - 1]?.endMs ?? day.startMs);
    }
  });
});

describe("dayOfTable", () => {
  it.each(["samples", "samples_2026", "samples_20261301", "samples_20260230", "series_20260101"])(
    "knows that %s is no day's partition",
    (table) => {
      expect(dayOfTable(table)).toBeNull();
    },
  );
});
