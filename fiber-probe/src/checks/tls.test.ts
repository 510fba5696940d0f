import { expect, test } from "vitest";
import { gradeExpiry } from "./tls.js";

test.each([
  [-1, "expired"],
  [0, "critical"],
  [6, "critical"],
  [7, "expiring"],
  [20, "expiring"],
  [21, "ok"],
])("%i days before expiry: %s", (days, grade) => {
  expect(gradeExpiry(days, { warnDays: 21, criticalDays: 7 })).toBe(grade);
});
