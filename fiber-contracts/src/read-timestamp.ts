import { z } from "zod";

const isoWithZone = z.regexes.datetime({ offset: true });
const lastMs = 253_402_300_799_999;

/**
 * Epoch ms of a wire timestamp: ISO 8601 with a zone (as `z.iso.datetime({ offset: true })`
 * takes it, so no leap second and no February 30th) or a whole number of epoch milliseconds from
 * 1970 to the end of 9999. Null for anything else. Fractions beyond ms are cut off.
 */
export function readTimestamp(value: unknown): number | null {
  if (typeof value === "number") {
    return Number.isInteger(value) && value >= 0 && value <= lastMs ? value : null;
  }
  if (typeof value !== "string" || !isoWithZone.test(value)) return null;
  const timeMs = Date.parse(value);
  return Number.isNaN(timeMs) ? null : timeMs;
}
