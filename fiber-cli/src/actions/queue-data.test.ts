import { expect, test } from "vitest";
import { parseSince } from "./queue-data.js";

const now = Date.parse("2026-11-22T12:00:00Z");

test.each([
  ["2h", "2026-11-22T10:00:00Z"],
  ["1h30m", "2026-11-22T10:30:00Z"],
  ["2026-11-22T09:00:00Z", "2026-11-22T09:00:00Z"],
  ["2026-11-22T10:00:00+01:00", "2026-11-22T09:00:00Z"],
  ["2026-11-21", "2026-11-21T00:00:00Z"],
])("%s is %s", (text, time) => {
  expect(new Date(parseSince(text, now)).toISOString()).toBe(new Date(time).toISOString());
});

test.each(["", "soon", "5", "-2h", "2026", "2026-13-40T00:00:00Z", "2027-01-01T00:00:00Z"])(
  "%j is refused",
  (text) => {
    expect(() => parseSince(text, now)).toThrowError(
      expect.objectContaining({ code: "USAGE" }) as Error,
    );
  },
);
