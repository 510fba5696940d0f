import { closeSync, fdatasync, fdatasyncSync, mkdirSync, rmSync } from "node:fs";
import { FiberError } from "#contracts";
import type { Logger } from "#runtime";
import { readPosition, writePosition } from "./position.js";
import {
  appendRecords,
  createSegment,
  lastOf,
  type OpenSegment,
  openSegments,
  readRecords,
  type Segment,
  segmentBytes,
} from "./segments.js";
import { lockSpool } from "./spool-lock.js";

/** Records that lie in a row, oldest first, as {@link Spool.peek} hands them out. */
export interface SpoolBatch {
  /** Numbers of the first and last record. */
  readonly first: number;
  readonly last: number;
  readonly records: readonly string[];
}

/** What a spool holds, and what it lost since it was made. */
export interface SpoolCounts {
  readonly samples: number;
  /** Bytes of the segment files. */
  readonly bytes: number;
  /** Samples dropped: oldest for lack of room, newest while the disk took none. */
  readonly dropped: number;
  /** Torn tails cut off after crashes. */
  readonly torn: number;
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

/** Where a spool lies and how large it may grow. */
export interface SpoolOptions {
  readonly path: string;
  readonly maxSamples: number;
  readonly maxBytes: number;
  readonly log: Logger;
}

const SYNC_AFTER_MS = 1_000;
const LARGEST_SEGMENT_BYTES = 1024 * 1024;

interface State {
  readonly options: SpoolOptions;
  /** Oldest first; the active one is the last. */
  readonly segments: Segment[];
  active: OpenSegment | null;
  acked: number;
  nextNumber: number;
  dropped: number;
  /** Records up to here were dropped to make room. */
  droppedThrough: number;
  readonly torn: number;
  diskRefuses: boolean;
  syncTimer: NodeJS.Timeout | null;
}

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
    const state = readState(options);
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

function readState(options: SpoolOptions): State {
  const { path, log } = options;
  const position = readPosition(path);
  const { segments, torn } = openSegments(path);
  if (torn > 0) log.warn({ path, torn }, "spool had a torn tail after a crash; it was cut off");
  const [oldest] = segments;
  const newest = segments.at(-1);
  const acked = Math.max(position?.acked ?? 0, oldest === undefined ? 0 : oldest.first - 1);
  const state: State = {
    options,
    segments,
    active: null,
    acked,
    // Never a number again that may have been acked.
    nextNumber: Math.max(acked, newest === undefined ? 0 : lastOf(newest)) + 1,
    dropped: position?.dropped ?? 0,
    droppedThrough: 0,
    torn: (position?.torn ?? 0) + torn,
    diskRefuses: false,
    syncTimer: null,
  };
  removeDone(state);
  makeRoom(state, 0, 0);
  storePosition(state);
  return state;
}

function append(state: State, records: readonly string[]): void {
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
  state: State,
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

function writeRecords(state: State, records: readonly string[]): NodeJS.ErrnoException | null {
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

/** Drops oldest samples until so many more keep the bounds, and counts them. */
function makeRoom(state: State, samples: number, bytes: number): void {
  const { maxSamples, maxBytes, log } = state.options;
  const before = state.dropped;
  const counts = countsOf(state);
  const excess = Math.min(counts.samples, counts.samples + samples - maxSamples);
  for (let left = excess; left > 0; ) {
    const oldest = state.segments.find((segment) => lastOf(segment) > state.acked);
    if (oldest === undefined) break;
    const from = Math.max(state.acked, oldest.first - 1);
    const through = Math.min(lastOf(oldest), from + left);
    left -= through - from;
    dropThrough(state, through);
  }
  removeDone(state);
  while (state.segments.length > 0 && countsOf(state).bytes + bytes > maxBytes) {
    const oldest = state.segments[0];
    if (oldest === undefined || oldest === state.active) break;
    dropThrough(state, lastOf(oldest));
    removeDone(state);
  }
  if (state.dropped === before) return;
  log.warn({ dropped: state.dropped - before }, "spool is full; oldest samples were dropped");
  storePosition(state);
}

function dropThrough(state: State, number: number): void {
  for (const segment of state.segments) {
    const from = Math.max(state.acked + 1, segment.first);
    const to = Math.min(number, lastOf(segment));
    if (to >= from) state.dropped += to - from + 1;
  }
  state.acked = Math.max(state.acked, number);
  state.droppedThrough = state.acked;
}

function peek(
  state: State,
  limits: { readonly maxRecords: number; readonly maxBytes: number },
): SpoolBatch | null {
  const segment = state.segments.find((candidate) => lastOf(candidate) > state.acked);
  if (segment === undefined) return null;
  const first = Math.max(state.acked + 1, segment.first);
  const records = readRecords(segment, first, limits);
  return { first, last: first + records.length - 1, records };
}

function ack(state: State, batch: SpoolBatch): void {
  // What was dropped while it was on its way did arrive after all.
  const arrived = Math.min(state.droppedThrough, batch.last) - batch.first + 1;
  state.dropped -= Math.max(0, arrived);
  state.droppedThrough = Math.max(state.droppedThrough, arrived > 0 ? batch.last : 0);
  state.acked = Math.max(state.acked, batch.last);
  storePosition(state);
  removeDone(state);
}

/** Deletes segments whose every record is done. */
function removeDone(state: State): void {
  for (let oldest = state.segments[0]; oldest !== undefined; oldest = state.segments[0]) {
    if (lastOf(oldest) > state.acked || oldest.ends.length === 0) return;
    if (oldest === state.active) {
      closeSync(state.active.fd);
      state.active = null;
    }
    rmSync(oldest.path, { force: true });
    state.segments.shift();
  }
}

function countsOf(state: State): SpoolCounts {
  let samples = 0;
  let bytes = 0;
  for (const segment of state.segments) {
    samples += Math.max(0, lastOf(segment) - Math.max(state.acked, segment.first - 1));
    bytes += segmentBytes(segment);
  }
  return { samples, bytes, dropped: state.dropped, torn: state.torn };
}

function storePosition(state: State): void {
  const { acked, dropped, torn } = state;
  try {
    writePosition(state.options.path, { acked, dropped, torn });
  } catch (error) {
    // A full disk: the old position stays, so that samples are sent again rather than lost.
    state.options.log.debug({ err: error }, "spool position could not be stored");
  }
}

function sync(state: State): void {
  if (state.active !== null) fdatasyncSync(state.active.fd);
}

/** Syncs off the main loop: a slow disk must not hold up the probe. */
function syncLater(state: State): void {
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
function rotate(state: State): void {
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
