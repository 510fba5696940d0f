import { closeSync, fdatasync, fdatasyncSync, mkdirSync, rmSync } from "node:fs";
import { FiberError } from "#contracts";
import { appendRecords, createSegment, lastOf, readRecords, segmentBytes } from "./segments.js";
import { lockSpool } from "./spool-lock.js";
import {
  countsOf,
  makeRoom,
  readSpoolState,
  removeDone,
  type SpoolCounts,
  type SpoolOptions,
  type SpoolState,
  storePosition,
} from "./spool-state.js";

/** Records that lie in a row, oldest first, as {@link Spool.peek} hands them out. */
export interface SpoolBatch {
  /** Numbers of the first and last record. */
  readonly first: number;
  readonly last: number;
  readonly records: readonly string[];
}

/**
 * Samples on disk until an uplink has taken them, in append-only segment files.
 *
 * Durability: an append is one write (survives kill -9 at once) and is synced to the disk at most
 * a second later (survives a power cut from then on). Positions are stored with each ack: after
 * kill -9 at most the batch in flight is sent again, after a power cut what was acked in the
 * last second. The receiver stores a repeated sample once.
 */
export interface Spool {
  /** Appends records in order. Never throws for a full disk: that is counted and logged. */
  append(records: readonly string[]): void;
  /** The oldest records that are not done, null when there are none. */
  peek(limits: { readonly maxRecords: number; readonly maxBytes: number }): SpoolBatch | null;
  /** Marks a batch as done. */
  ack(batch: SpoolBatch): void;
  counts(): SpoolCounts;
  /** Syncs now what has been appended. */
  sync(): void;
  /** Syncs, closes and gives the folder free. */
  close(): void;
}

const SYNC_AFTER_MS = 1_000;
const LARGEST_SEGMENT_BYTES = 1024 * 1024;

/**
 * Opens a spool folder, makes it when missing, cuts torn tails off.
 *
 * @throws FiberError SPOOL_LOCKED when another probe uses the folder
 * @throws FiberError SPOOL_UNUSABLE when the folder cannot be made or read
 */
export function openSpool(options: SpoolOptions): Spool {
  const { path, log } = options;
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    const lock = lockSpool(path);
    const state = readSpoolState(options);
    const { samples } = countsOf(state);
    if (samples > 0) log.info({ path, samples }, "spool holds samples of an earlier run");
    return {
      append: (records) => append(state, records),
      peek: (limits) => peek(state, limits),
      ack: (batch) => ack(state, batch),
      counts: () => countsOf(state),
      sync: () => sync(state),
      close() {
        if (state.syncTimer !== null) clearTimeout(state.syncTimer);
        try {
          rotate(state);
          storePosition(state);
        } finally {
          lock.release();
        }
      },
    };
  } catch (cause) {
    if (cause instanceof FiberError) throw cause;
    throw new FiberError(
      "SPOOL_UNUSABLE",
      `The spool ${path} cannot be used: ${(cause as Error).message}. Make it writable or set spool.path.`,
      { cause },
    );
  }
}

function append(state: SpoolState, records: readonly string[]): void {
  const { maxSamples, maxBytes } = state.options;
  const kept = records.slice(-maxSamples);
  state.dropped += records.length - kept.length;
  if (kept.length === 0) return;
  const largest = Math.min(LARGEST_SEGMENT_BYTES, Math.floor(maxBytes / 8));
  let start = 0;
  while (start < kept.length) {
    let end = start;
    let bytes = 0;
    while (end < kept.length && (end === start || bytes < largest)) {
      bytes += Buffer.byteLength(kept[end] ?? "") + 8;
      end++;
    }
    appendPart(state, kept.slice(start, end), bytes, largest);
    start = end;
  }
  state.syncTimer ??= setTimeout(() => syncLater(state), SYNC_AFTER_MS);
}

/** Appends what fits in one segment, or counts it as dropped when the disk refuses it. */
function appendPart(
  state: SpoolState,
  records: readonly string[],
  bytes: number,
  largest: number,
): void {
  if (state.active !== null && segmentBytes(state.active) + bytes > largest) rotate(state);
  makeRoom(state, records.length, bytes);
  const error = writeRecords(state, records);
  if (error === null) {
    state.nextNumber += records.length;
    if (state.diskRefuses) {
      state.diskRefuses = false;
      state.options.log.info("the disk takes samples again");
    }
    return;
  }
  state.dropped += records.length;
  if (!state.diskRefuses) {
    state.diskRefuses = true;
    state.options.log.error(
      { path: state.options.path, code: error.code, reason: error.message },
      "the spool cannot be written: checks go on, their samples are dropped and counted; free disk space",
    );
  }
}

function writeRecords(state: SpoolState, records: readonly string[]): NodeJS.ErrnoException | null {
  try {
    if (state.active === null) {
      state.active = createSegment(state.options.path, state.nextNumber);
      state.segments.push(state.active);
    }
    return appendRecords(state.active, records);
  } catch (error) {
    return error as NodeJS.ErrnoException;
  }
}

function peek(
  state: SpoolState,
  limits: { readonly maxRecords: number; readonly maxBytes: number },
): SpoolBatch | null {
  const segment = state.segments.find((candidate) => lastOf(candidate) > state.acked);
  if (segment === undefined) return null;
  const first = Math.max(state.acked + 1, segment.first);
  const records = readRecords(segment, first, limits);
  return { first, last: first + records.length - 1, records };
}

function ack(state: SpoolState, batch: SpoolBatch): void {
  // What was dropped while it was on its way did arrive after all.
  const arrived = Math.min(state.droppedThrough, batch.last) - batch.first + 1;
  state.dropped -= Math.max(0, arrived);
  state.droppedThrough = Math.max(state.droppedThrough, arrived > 0 ? batch.last : 0);
  state.acked = Math.max(state.acked, batch.last);
  storePosition(state);
  removeDone(state);
}

function sync(state: SpoolState): void {
  if (state.active !== null) fdatasyncSync(state.active.fd);
}

/** Syncs off the main loop: a slow disk must not hold up the probe. */
function syncLater(state: SpoolState): void {
  state.syncTimer = null;
  const { active } = state;
  if (active === null) return;
  fdatasync(active.fd, (error) => {
    // EBADF: the segment was sent and closed while its sync was on the way.
    if (error !== null && error.code !== "EBADF") {
      state.options.log.error({ err: error }, "spool could not be synced to disk");
    }
  });
}

/** Closes the active segment; the next append starts a new one. */
function rotate(state: SpoolState): void {
  const { active } = state;
  if (active === null) return;
  state.active = null;
  try {
    fdatasyncSync(active.fd);
  } finally {
    closeSync(active.fd);
  }
  if (active.ends.length === 0) {
    state.segments.splice(state.segments.indexOf(active), 1);
    rmSync(active.path, { force: true });
  }
}
