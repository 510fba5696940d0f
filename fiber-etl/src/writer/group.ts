import type { AppendOutcome, IngestTrace } from "#contracts";
import {
  type AppliedRange,
  BUCKET_MS,
  bucketStart,
  createRowBuffer,
  LATE_AFTER_MS,
  type RollupMark,
  type RollupWidth,
  type RowBuffer,
} from "#db";

/** A message of an ingest log; `atMs` is when the log took it. */
export interface MessageMark {
  readonly stream: string;
  readonly seq: number;
  readonly atMs: number;
}

/** One append inside a group, waiting for its outcome. */
interface Waiter {
  readonly settle: (outcome: AppendOutcome) => void;
  readonly fail: (error: Error) => void;
  readonly traces: readonly IngestTrace[];
  /** The message that counts as applied once these rows are stored. */
  readonly mark: MessageMark | null;
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

/** The messages of the appends `from` to `to` (excluded) as ranges. */
export function appliedRanges(group: Group, from: number, to: number): readonly AppliedRange[] {
  const ranges: AppliedRange[] = [];
  for (let index = from; index < to; index++) {
    const mark = group.waiters[index]?.mark ?? null;
    if (mark === null) continue;
    const { stream, seq, atMs } = mark;
    const last = ranges.at(-1);
    if (last !== undefined && last.stream === stream && last.lastSeq + 1 === seq) {
      ranges[ranges.length - 1] = { ...last, lastSeq: seq, lastAtMs: atMs };
    } else {
      ranges.push({ stream, firstSeq: seq, lastSeq: seq, lastAtMs: atMs });
    }
  }
  return ranges;
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
