import type { AppendOutcome, IngestTrace } from "#contracts";
import type { Clock } from "#runtime";
import { createGroup, emptyGroup, type Group, type MessageMark } from "./group.js";
import type { Rows } from "./rows.js";
import type { SeriesCache } from "./series-cache.js";

/** Bounds of what a log holds in memory. */
export interface IntakeLimits {
  readonly maxPendingSamples: number;
  readonly maxPendingBytes: number;
  /** A group takes no more appends once it holds this many samples. */
  readonly groupSamples: number;
}

/** One append on its way into a group. */
export interface Append {
  readonly rows: Rows;
  readonly traces: readonly IngestTrace[];
  readonly mark: MessageMark | null;
  readonly settle: (outcome: AppendOutcome) => void;
  readonly fail: (error: Error) => void;
}

/** Collects appends into groups and hands the groups out in the order of their coming. */
export interface Intake {
  /** Writes an append into the open group; false when one of its series is not known. */
  admit(append: Append): boolean;
  /** The next group to store, or undefined when nothing waits. */
  take(): Group | undefined;
  /** Gives a settled group back. */
  release(group: Group): void;
  /** Settles everything that waits in groups which nobody took. */
  refuseWaiting(outcome: AppendOutcome): void;
  isFull(): boolean;
  /** Samples in groups that nobody took. */
  waitingRows(): number;
  /** Samples in groups, taken ones included. */
  depth(): number;
  /** When the oldest append in a group came, epoch ms; null when there is none. */
  oldestMs(): number | null;
}

/** Makes an {@link Intake}. Rows are encoded as they come, so that no sample is kept as an object. */
export function createIntake(options: {
  cache: SeriesCache;
  clock: Clock;
  limits: IntakeLimits;
}): Intake {
  const { cache, clock, limits } = options;
  const spare: Group[] = [];
  const taken = new Set<Group>();
  let sealed: Group[] = [];
  let open = createGroup();
  let samples = 0;
  let bytes = 0;

  function seal(): void {
    sealed.push(open);
    open = spare.pop() ?? createGroup();
  }

  function admit({ rows, traces, mark, settle, fail }: Append): boolean {
    const group = open;
    if (group.waiters.length === 0) group.firstAtMs = clock.now();
    const startByte = group.rows.length();
    let whole = false;
    try {
      whole = rows.writeTo(group, cache);
    } finally {
      if (!whole) group.rows.truncate(startByte);
    }
    if (!whole) return false;
    group.rowCount += rows.count;
    const endByte = group.rows.length();
    group.waiters.push({ settle, fail, traces, mark, endByte, endRow: group.rowCount });
    samples += rows.count;
    bytes += endByte - startByte;
    if (group.rowCount >= limits.groupSamples) seal();
    return true;
  }

  function release(group: Group): void {
    taken.delete(group);
    samples -= group.rowCount;
    bytes -= group.rows.length();
    emptyGroup(group);
    if (spare.length < 4) spare.push(group);
  }

  return {
    admit,
    release,
    take() {
      if (sealed.length === 0 && open.waiters.length > 0) seal();
      const group = sealed.shift();
      if (group !== undefined) taken.add(group);
      return group;
    },
    refuseWaiting(outcome) {
      if (open.waiters.length > 0) seal();
      const refused = sealed;
      sealed = [];
      for (const group of refused) {
        for (const waiter of group.waiters) waiter.settle(outcome);
        release(group);
      }
    },
    isFull: () => samples >= limits.maxPendingSamples || bytes >= limits.maxPendingBytes,
    waitingRows: () => sealed.reduce((rows, group) => rows + group.rowCount, open.rowCount),
    depth: () => samples,
    oldestMs() {
      const groups = [...taken, ...sealed, ...(open.waiters.length > 0 ? [open] : [])];
      return groups.length === 0 ? null : Math.min(...groups.map((group) => group.firstAtMs));
    },
  };
}
