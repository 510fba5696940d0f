import { FiberError } from "#contracts";
import type { SamplePosition } from "#db";

/** A position as an opaque text for the next page's `cursor`. */
export function toCursor(position: SamplePosition): string {
  return Buffer.from(`${position.timeMs}.${position.seriesId}`).toString("base64url");
}

/**
 * The position a cursor stands for.
 *
 * @throws FiberError INVALID_CURSOR for a text we did not make
 */
export function readCursor(cursor: string): SamplePosition {
  const match = /^(\d{1,15})\.(\d{1,10})$/.exec(
    Buffer.from(cursor, "base64url").toString("latin1"),
  );
  const position = { timeMs: Number(match?.[1]), seriesId: Number(match?.[2]) };
  const ours =
    match !== null &&
    position.timeMs <= 253_402_300_799_999 &&
    position.seriesId <= 2_147_483_647 &&
    toCursor(position) === cursor;
  if (!ours) {
    throw new FiberError("INVALID_CURSOR", "cursor must be one that an answer here carried");
  }
  return position;
}
