import { type AppendOutcome, FiberError } from "#contracts";
import type { SampleWriter, WriteOutcome } from "#db";
import { appliedRanges, type Group, lateMarks } from "./group.js";
import { databaseUnavailable, fenced, STORED } from "./outcomes.js";

/** What storing groups needs and remembers from one group to the next. */
export interface StoreTools {
  /** Whether the last writes met known rows: then COPY would fail again. */
  expectDuplicates: boolean;
  readonly now: () => number;
  /** Makes the partitions that accepted samples can fall into. */
  readonly makePartitions: () => Promise<void>;
  readonly onFenced: () => void;
  /** Called after each commit: rows that are new, rows in all. */
  readonly onStored: (inserted: number, count: number) => void;
  /** Called when the database could not take rows although it is there (disk full, time-out). */
  readonly onUnable: (error: Error) => void;
}

/** Appends `from` to `to` (excluded) of a group. */
interface Range {
  readonly from: number;
  readonly to: number;
}

const MAX_RETRIES = 5;

/**
 * Stores a group and settles each of its appends, `stored` only after the commit. Rows at fault
 * fail alone: the group is halved until the append that holds them stands by itself.
 *
 * @returns null, or why the connection is of no more use
 */
export async function storeGroup(
  writer: SampleWriter,
  group: Group,
  tools: StoreTools,
): Promise<Error | null> {
  const ranges: Range[] = [{ from: 0, to: group.waiters.length }];
  let lost: Error | null = null;
  for (let range = ranges.pop(); range !== undefined; range = ranges.pop()) {
    const outcome: WriteOutcome =
      lost === null ? await writeRange(writer, group, range, tools) : lostAs(lost);
    switch (outcome.kind) {
      case "stored":
        settle(group, range, STORED);
        break;
      case "fenced":
        tools.onFenced();
        settle(group, range, fenced(null));
        break;
      case "lost":
        lost = outcome.error;
        settle(group, range, databaseUnavailable("the connection to the database broke"));
        break;
      case "bad-data":
        splitOrFail(group, range, ranges, outcome.error);
        break;
      default: {
        const error = "error" in outcome ? outcome.error : new Error(outcome.kind);
        tools.onUnable(error);
        settle(group, range, databaseUnavailable("the database refuses writes", 2));
      }
    }
  }
  return lost;
}

async function writeRange(
  writer: SampleWriter,
  group: Group,
  range: Range,
  tools: StoreTools,
): Promise<WriteOutcome> {
  const before = group.waiters[range.from - 1];
  const last = group.waiters[range.to - 1];
  const count = (last?.endRow ?? 0) - (before?.endRow ?? 0);
  const write = {
    rows: group.rows.slice(before?.endByte ?? 0, last?.endByte ?? 0),
    count,
    marks: lateMarks(group, tools.now()),
    applied: appliedRanges(group, range.from, range.to),
  };
  let partitionsMade = false;
  for (let retries = 0; ; ) {
    // Without rows there is nothing to meet: a message whose samples are all kept elsewhere.
    const copies = count === 0 || !tools.expectDuplicates;
    const outcome = copies ? await writer.copy(write) : await writer.insert(write);
    if (outcome.kind === "stored") tools.onStored(outcome.inserted, count);
    if (outcome.kind === "stored" && !copies) tools.expectDuplicates = outcome.inserted < count;
    if (outcome.kind === "duplicate" && copies) tools.expectDuplicates = true;
    else if (outcome.kind === "retry" && retries < MAX_RETRIES) retries++;
    else if (outcome.kind === "no-partition") {
      if (partitionsMade) return { kind: "bad-data", error: outcome.error };
      partitionsMade = true;
      const failure = await tools.makePartitions().then(() => null, asError);
      if (failure !== null) return { kind: "unable", error: failure };
    } else return outcome;
  }
}

function splitOrFail(group: Group, { from, to }: Range, ranges: Range[], cause: Error): void {
  if (to - from > 1) {
    const middle = Math.floor((from + to) / 2);
    ranges.push({ from: middle, to }, { from, to: middle });
    return;
  }
  group.waiters[from]?.fail(
    new FiberError(
      "INVALID_SAMPLE",
      `The database refuses these samples: ${cause.message}. Nothing of them is stored; mend them.`,
      { cause },
    ),
  );
}

function settle(group: Group, { from, to }: Range, outcome: AppendOutcome): void {
  for (let index = from; index < to; index++) group.waiters[index]?.settle(outcome);
}

function lostAs(error: Error): WriteOutcome {
  return { kind: "lost", error };
}

function asError(err: unknown): Error {
  return err instanceof Error ? err : new Error(String(err));
}
