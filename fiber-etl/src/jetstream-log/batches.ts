import type { AppendOutcome, IngestTrace, Sample } from "#contracts";
import { BUCKET_MS, bucketStart, createRowBuffer, type RowBuffer } from "#db";
import { encodeMessage, encodeSeries, encodeTrace } from "../queue/message-format.js";
import { createSeriesMap } from "../writer/series-cache.js";

/** An append whose samples lie in one batch, or in several when it is large. */
interface Waiter {
  /** Batches that hold samples of it and are not stored yet. */
  open: number;
  settle(outcome: AppendOutcome): void;
}

/** Samples that travel in one message. */
export interface Batch {
  readonly rows: RowBuffer;
  rowCount: number;
  readonly series: Uint8Array[];
  readonly hours: Set<number>;
  readonly traces: Uint8Array[];
  readonly waiters: Waiter[];
  /** When its first sample came, epoch ms. */
  firstAtMs: number;
}

/** Collects appends into batches and hands these out in the order of their coming. */
export interface Batches {
  add(samples: readonly Sample[], trace: IngestTrace, nowMs: number): Promise<AppendOutcome>;
  /** The next batch to publish, or undefined when nothing waits. */
  take(): Batch | undefined;
  /** Answers the appends of a batch that was taken: those with nothing left to store. */
  settle(batch: Batch, outcome: AppendOutcome): void;
  /** Answers everything that nobody took. */
  refuseWaiting(outcome: AppendOutcome): void;
  /** Samples in batches that nobody took. */
  waitingRows(): number;
  /** Samples, taken ones included, until they are settled. */
  depth(): number;
  bytes(): number;
  oldestMs(): number | null;
}

/** A series as messages carry it, with its place in the message that is being filled. */
interface Entry {
  readonly bytes: Uint8Array;
  batch: Batch | null;
  index: number;
}

/** A message much larger holds up its neighbours; a server takes 1 MB by default. */
const MAX_ROW_BYTES = 256 * 1024;
/** A message counts series and traces in 16 bits. */
const MAX_ENTRIES = 60_000;

/** Makes empty {@link Batches}. Samples are encoded as they come; none is kept as an object. */
export function createBatches(): Batches {
  const book = createSeriesMap<Entry>();
  const taken = new Set<Batch>();
  const spare: Batch[] = [];
  let sealed: Batch[] = [];
  let open = createBatch();
  let samples = 0;
  let bytes = 0;

  function seal(): void {
    sealed.push(open);
    open = spare.pop() ?? createBatch();
  }

  function indexOf(sample: Sample): number {
    let entry = book.find(sample);
    if (entry === undefined) {
      entry = { bytes: encodeSeries(sample), batch: null, index: 0 };
      book.set(sample, entry);
    }
    if (entry.batch !== open) {
      entry.batch = open;
      entry.index = open.series.length;
      open.series.push(entry.bytes);
    }
    return entry.index;
  }

  /** Ends an append's part of the open batch. */
  function join(waiter: Waiter, trace: Uint8Array): void {
    waiter.open++;
    open.waiters.push(waiter);
    open.traces.push(trace);
  }

  function write(
    list: readonly Sample[],
    append: { waiter: Waiter; trace: Uint8Array; nowMs: number },
  ): void {
    const { waiter, trace, nowMs } = append;
    let hourMs = 0;
    let hourEndMs = 0;
    let here = 0;
    for (const sample of list) {
      if (open.rows.length() >= MAX_ROW_BYTES || open.series.length >= MAX_ENTRIES) {
        if (here > 0) join(waiter, trace);
        seal();
        here = 0;
        hourEndMs = 0;
      }
      here++;
      if (open.rowCount === 0) open.firstAtMs = nowMs;
      const before = open.rows.length();
      open.rows.write(indexOf(sample), sample);
      bytes += open.rows.length() - before;
      open.rowCount++;
      if (sample.timeMs < hourMs || sample.timeMs >= hourEndMs) {
        hourMs = bucketStart("hourly", sample.timeMs);
        hourEndMs = hourMs + BUCKET_MS.hourly;
        open.hours.add(hourMs);
      }
    }
    join(waiter, trace);
    if (open.traces.length >= MAX_ENTRIES) seal();
  }

  function release(batch: Batch): void {
    taken.delete(batch);
    samples -= batch.rowCount;
    bytes -= batch.rows.length();
    // A new object, so that no series still counts as being in it.
    if (spare.length < 8) spare.push(createBatch(batch.rows));
  }

  function settle(batch: Batch, outcome: AppendOutcome): void {
    for (const waiter of batch.waiters) {
      waiter.open--;
      if (outcome.kind !== "stored" || waiter.open === 0) waiter.settle(outcome);
    }
    release(batch);
  }

  return {
    add(list, trace, nowMs) {
      samples += list.length;
      return new Promise((resolve) => {
        const waiter = { open: 0, settle: resolve };
        write(list, { waiter, trace: encodeTrace(trace), nowMs });
      });
    },
    take() {
      if (sealed.length === 0 && open.rowCount > 0) seal();
      const batch = sealed.shift();
      if (batch !== undefined) taken.add(batch);
      return batch;
    },
    settle,
    refuseWaiting(outcome) {
      if (open.rowCount > 0) seal();
      const refused = sealed;
      sealed = [];
      for (const batch of refused) settle(batch, outcome);
    },
    waitingRows: () => sealed.reduce((rows, batch) => rows + batch.rowCount, open.rowCount),
    depth: () => samples,
    bytes: () => bytes,
    oldestMs() {
      const all = [...taken, ...sealed, ...(open.rowCount > 0 ? [open] : [])];
      return all.length === 0 ? null : Math.min(...all.map((batch) => batch.firstAtMs));
    },
  };
}

/** The message of a batch; the batch may be used again afterwards. */
export function messageOf({ series, hours, traces, rows, rowCount }: Batch): Buffer {
  return encodeMessage({ series, hours, traces, rowCount, rows: rows.slice(0, rows.length()) });
}

function createBatch(rows: RowBuffer = createRowBuffer()): Batch {
  rows.truncate(0);
  return {
    rows,
    rowCount: 0,
    series: [],
    hours: new Set(),
    traces: [],
    waiters: [],
    firstAtMs: 0,
  };
}
