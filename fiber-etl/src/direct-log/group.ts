import type { AppendOutcome, IngestTrace } from "#contracts";
import { createRowBuffer, type RollupMark, type RowBuffer } from "#db";

const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;
/** A bucket that ended longer ago than this is closed: what comes for it now is late. */
const CLOSED_AFTER_MS = 60_000;

/** One append inside a group, waiting for its outcome. */
export interface Waiter {
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
  /** Start hours, epoch ms, of late samples. */
  readonly lateHours: Set<number>;
  /** Samples before this moment are late. */
  lateBeforeMs: number;
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
    lateHours: new Set(),
    lateBeforeMs: 0,
    firstAtMs: 0,
  };
}

/** Opens an empty group for appends from `nowMs` on. */
export function openGroup(group: Group, nowMs: number): void {
  group.firstAtMs = nowMs;
  group.lateBeforeMs = startOf(nowMs - CLOSED_AFTER_MS, HOUR_MS);
}

/** Empties a group whose appends are all settled. */
export function emptyGroup(group: Group): void {
  group.rows.truncate(0);
  group.rowCount = 0;
  group.waiters.length = 0;
  group.nodeIds.clear();
  group.lateHours.clear();
}

/** The closed buckets that a group's late samples fall into: hours, and days that are closed too. */
export function lateMarks(group: Group): readonly RollupMark[] {
  if (group.lateHours.size === 0) return [];
  const openDayMs = startOf(group.firstAtMs - CLOSED_AFTER_MS, DAY_MS);
  const days = new Set<number>();
  const marks: RollupMark[] = [];
  for (const bucketMs of group.lateHours) {
    marks.push({ width: "hourly", bucketMs });
    const dayMs = startOf(bucketMs, DAY_MS);
    if (dayMs < openDayMs) days.add(dayMs);
  }
  for (const bucketMs of days) marks.push({ width: "daily", bucketMs });
  return marks;
}

/** Notes the hour of a late sample. */
export function noteLate(group: Group, timeMs: number): void {
  group.lateHours.add(startOf(timeMs, HOUR_MS));
}

function startOf(timeMs: number, widthMs: number): number {
  return Math.floor(timeMs / widthMs) * widthMs;
}
