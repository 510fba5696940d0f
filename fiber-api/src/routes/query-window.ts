import { z } from "zod";
import { FiberError } from "#contracts";

/** A point in time in a query: ISO 8601 with a zone, or epoch ms. Reads as epoch ms. */
export const timeParameter = z
  .union([
    z.iso.datetime({ offset: true }),
    z.string().regex(/^\d{1,15}$/, "must be ISO 8601 with a zone, or epoch milliseconds"),
  ])
  .describe("ISO 8601 with a zone, or epoch milliseconds");

/** Epoch ms of a {@link timeParameter}. */
function toMs(time: string): number {
  return /^\d+$/.test(time) ? Number(time) : Date.parse(time);
}

/** A window of time; `startMs` inclusive, `endMs` exclusive, epoch ms. */
export interface QueryWindow {
  readonly startMs: number;
  readonly endMs: number;
}

const LAST_MS = 253_402_300_799_999;

/**
 * The window a query asks for: until now where it names no end, `defaultMs` long where it names no
 * start.
 *
 * @throws FiberError INVALID_WINDOW when it is empty or beyond the years 1970 to 9999,
 *   WINDOW_TOO_LARGE when it is longer than `maxMs`
 */
export function readWindow(
  query: { readonly start?: string | undefined; readonly end?: string | undefined },
  limits: { readonly nowMs: number; readonly defaultMs: number; readonly maxMs: number },
): QueryWindow {
  const endMs = query.end === undefined ? limits.nowMs : toMs(query.end);
  const startMs =
    query.start === undefined ? Math.max(0, endMs - limits.defaultMs) : toMs(query.start);
  if (!(startMs >= 0 && startMs < endMs && endMs <= LAST_MS)) {
    throw new FiberError("INVALID_WINDOW", "start must lie before end, both from 1970 to 9999");
  }
  if (endMs - startMs > limits.maxMs) {
    throw new FiberError(
      "WINDOW_TOO_LARGE",
      `The window is longer than ${Math.round(limits.maxMs / 86_400_000)} days`,
    );
  }
  return { startMs, endMs };
}
