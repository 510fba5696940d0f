import type { AppendOutcome, IngestTrace } from "#contracts";
import {
  BUCKET_MS,
  bucketStart,
  createRowBuffer,
  LATE_AFTER_MS,
  type RollupMark,
  type RollupWidth,
  type RowBuffer,
} from "#db";

/** One append inside a group, waiting for its outcome. */
interface Waiter {
  readonly settle: (outcome: AppendOutcome) => void;
  readonly fail: (error: Error) => void;
  readonly trace: IngestTrace;
  /** Where its rows end in the group's buffer. */
  readonly endByte: number;
  /** How many rows the group holds up to and with this append. */
  readonly endRow: number;
}

/** Appends that commit together. Filled by one, sent, then emptied and used again. */
export interface Group {
  readonly rows: RowBuffer;
  rowCount: number;
  readonly waiters: Waiter[];
  readonly nodeIds: Set<string>;
  /** Starts, epoch ms, of the hours that its samples fall into. */
  readonly hours: Set<number>;
  /** When the oldest append came, epoch ms. */
  firstAtMs: number;
}

/** An empty group. */
export function createGroup(): Group {
  return {
    rows: createRowBuffer(),
    rowCount: 0,
    waiters: [],
    nodeIds: new Set(),
    hours: new Set(),
    firstAtMs: 0,
  };
}

/** Empties a group whose appends are all settled. */
export function emptyGroup(group: Group): void {
  group.rows.truncate(0);
  group.rowCount = 0;
  group.waiters.length = 0;
  group.nodeIds.clear();
  group.hours.clear();
}

/** The hours and days of a group's samples that are closed at `nowMs`: samples for them are late. */
export function lateMarks(group: Group, nowMs: number): readonly RollupMark[] {
  const marks: RollupMark[] = [];
  const days = new Set<number>();
  for (const hourMs of group.hours) {
    if (!isClosed("hourly", hourMs, nowMs)) continue;
    marks.push({ width: "hourly", bucketMs: hourMs });
    days.add(bucketStart("daily", hourMs));
  }
  for (const dayMs of days) {
    if (isClosed("daily", dayMs, nowMs)) marks.push({ width: "daily", bucketMs: dayMs });
  }
  return marks;
}

function isClosed(width: RollupWidth, bucketMs: number, nowMs: number): boolean {
  return nowMs > bucketMs + BUCKET_MS[width] + LATE_AFTER_MS;
}
