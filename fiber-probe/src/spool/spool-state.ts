import { closeSync, rmSync } from "node:fs";
import type { Logger } from "#runtime";
import { readPosition, writePosition } from "./position.js";
import { lastOf, type OpenSegment, openSegments, type Segment, segmentBytes } from "./segments.js";

/** Where a spool lies and how large it may grow. */
export interface SpoolOptions {
  readonly path: string;
  readonly maxSamples: number;
  readonly maxBytes: number;
  readonly log: Logger;
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

/** What an open spool knows; its functions change it. */
export interface SpoolState {
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

/** Reads a folder's segments and position, and cuts torn tails off. */
export function readSpoolState(options: SpoolOptions): SpoolState {
  const { path, log } = options;
  const position = readPosition(path);
  const { segments, torn } = openSegments(path);
  if (torn > 0) log.warn({ path, torn }, "spool had a torn tail after a crash; it was cut off");
  const [oldest] = segments;
  const newest = segments.at(-1);
  const acked = Math.max(position?.acked ?? 0, oldest === undefined ? 0 : oldest.first - 1);
  const state: SpoolState = {
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

/** Drops oldest samples until so many more keep the bounds, and counts them. */
export function makeRoom(state: SpoolState, samples: number, bytes: number): void {
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

function dropThrough(state: SpoolState, number: number): void {
  for (const segment of state.segments) {
    const from = Math.max(state.acked + 1, segment.first);
    const to = Math.min(number, lastOf(segment));
    if (to >= from) state.dropped += to - from + 1;
  }
  state.acked = Math.max(state.acked, number);
  state.droppedThrough = state.acked;
}

/** Deletes segments whose every record is done. */
export function removeDone(state: SpoolState): void {
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

/** How much waits, and how much was lost. */
export function countsOf(state: SpoolState): SpoolCounts {
  let samples = 0;
  let bytes = 0;
  for (const segment of state.segments) {
    samples += Math.max(0, lastOf(segment) - Math.max(state.acked, segment.first - 1));
    bytes += segmentBytes(segment);
  }
  return { samples, bytes, dropped: state.dropped, torn: state.torn };
}

/** Notes how far the API has acknowledged; a full disk is no error. */
export function storePosition(state: SpoolState): void {
  const { acked, dropped, torn } = state;
  try {
    writePosition(state.options.path, { acked, dropped, torn });
  } catch (error) {
    // A full disk: the old position stays, so that samples are sent again rather than lost.
    state.options.log.debug({ err: error }, "spool position could not be stored");
  }
}
