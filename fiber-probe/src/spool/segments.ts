import {
  closeSync,
  ftruncateSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  truncateSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { decodeFrames, encodeFrames, scanFrames } from "./frames.js";

/** A run of records in one file. */
export interface Segment {
  readonly path: string;
  /** Number of its first record. */
  readonly first: number;
  /** Where each record ends in the file. */
  readonly ends: number[];
}

/** A segment that is being written. */
export interface OpenSegment extends Segment {
  readonly fd: number;
}

const NAME = /^(\d{16})\.seg$/;

/** Bytes of whole records in a segment. */
export function segmentBytes(segment: Segment): number {
  return segment.ends.at(-1) ?? 0;
}

/** Number of a segment's last record. */
export function lastOf(segment: Segment): number {
  return segment.first + segment.ends.length - 1;
}

/** Starts a new file whose first record has this number. */
export function createSegment(folder: string, first: number): OpenSegment {
  const path = join(folder, `${String(first).padStart(16, "0")}.seg`);
  return { path, first, ends: [], fd: openSync(path, "wx", 0o600) };
}

/**
 * Appends records in one write. When the disk refuses (full, quota), what was half written is cut
 * off again and the error is returned; the segment is as before.
 */
export function appendRecords(
  segment: OpenSegment,
  records: readonly string[],
): NodeJS.ErrnoException | null {
  const base = segmentBytes(segment);
  const { bytes, ends } = encodeFrames(records);
  try {
    let written = 0;
    while (written < bytes.length) {
      written += writeSync(segment.fd, bytes, written, bytes.length - written, base + written);
    }
  } catch (error) {
    ftruncateSync(segment.fd, base);
    return error as NodeJS.ErrnoException;
  }
  for (const end of ends) segment.ends.push(base + end);
  return null;
}

/** Reads the segments of a folder, oldest first, and cuts torn tails off. */
export function openSegments(folder: string): {
  readonly segments: Segment[];
  /** Segments whose tail was torn. */
  readonly torn: number;
} {
  const names = readdirSync(folder).filter((name) => NAME.test(name));
  const segments: Segment[] = [];
  let torn = 0;
  for (const name of names.sort()) {
    const path = join(folder, name);
    const file = readFileSync(path);
    const ends = [...scanFrames(file)];
    const end = ends.at(-1) ?? 0;
    if (end < file.length) {
      torn++;
      truncateSync(path, end);
    }
    if (ends.length === 0) rmSync(path);
    else segments.push({ path, first: Number(name.slice(0, 16)), ends });
  }
  return { segments, torn };
}

/** Records from the given number on, at most `maxRecords` and `maxBytes`, at least one. */
export function readRecords(
  segment: Segment,
  from: number,
  limits: { readonly maxRecords: number; readonly maxBytes: number },
): readonly string[] {
  const index = Math.max(0, from - segment.first);
  const start = segment.ends[index - 1] ?? 0;
  let count = 1;
  while (
    count < limits.maxRecords &&
    (segment.ends[index + count] ?? Number.POSITIVE_INFINITY) - start <= limits.maxBytes
  ) {
    count++;
  }
  const end = segment.ends[index + count - 1] ?? start;
  const bytes = Buffer.allocUnsafe(end - start);
  const fd = openSync(segment.path, "r");
  try {
    let read = 0;
    while (read < bytes.length) {
      const got = readSync(fd, bytes, read, bytes.length - read, start + read);
      if (got === 0) throw new Error(`${segment.path} is shorter than what was written to it`);
      read += got;
    }
  } finally {
    closeSync(fd);
  }
  return decodeFrames(bytes);
}
