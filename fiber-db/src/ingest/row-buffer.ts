import type { Sample } from "#contracts";

/** Columns of `samples` in the order in which {@link createRowBuffer} writes them. */
export const SAMPLE_COLUMNS = [
  "time",
  "series_id",
  "latency_ms",
  "latency_min_ms",
  "latency_max_ms",
  "jitter_ms",
  "uptime_pct",
  "packet_loss",
  "sent",
  "received",
  "metadata",
] as const;

/** Bytes of one row without its metadata, when nothing is null. */
const ROW_BYTES = 2 + 7 * 12 + 8 + 2 * 6 + 4;

/** 2000-01-01T00:00:00Z, from which PostgreSQL counts microseconds. */
const POSTGRES_EPOCH_MS = 946_684_800_000;
const INITIAL_BYTES = 64 * 1024;

/** Where a row keeps its series id: after the field count, the time and two length words. */
export const SERIES_AT = 18;

/**
 * Rows of `samples` in PostgreSQL's binary COPY format, in one buffer that is used again and
 * again. Times are exact to the millisecond between 1714 and 2285, numbers are float8.
 */
export interface RowBuffer {
  /** Bytes written so far. */
  length(): number;
  /** Writes one row at the end. */
  write(seriesId: number, sample: Sample): void;
  /**
   * Copies whole rows that another buffer wrote; the series id of each is an index into `ids`.
   *
   * @param starts where each row begins in `rows`
   */
  copy(rows: Uint8Array, starts: readonly number[], ids: readonly number[]): void;
  /** Drops everything from `length` on. */
  truncate(length: number): void;
  /** The bytes from `start` to `end`; valid until the next write. */
  slice(start: number, end: number): Buffer;
}

/** Makes an empty {@link RowBuffer}. */
export function createRowBuffer(): RowBuffer {
  let bytes = Buffer.allocUnsafeSlow(INITIAL_BYTES);
  let view = new DataView(bytes.buffer);
  let end = 0;

  function makeRoom(needed: number): void {
    let size = bytes.length * 2;
    while (size < end + needed) size *= 2;
    const larger = Buffer.allocUnsafeSlow(size);
    bytes.copy(larger, 0, 0, end);
    bytes = larger;
    view = new DataView(larger.buffer);
  }

  function writeDouble(at: number, value: number | null): number {
    if (value === null) {
      view.setInt32(at, -1);
      return at + 4;
    }
    view.setInt32(at, 8);
    view.setFloat64(at + 4, value);
    return at + 12;
  }

  function writeSmallint(at: number, value: number | null): number {
    if (value === null) {
      view.setInt32(at, -1);
      return at + 4;
    }
    view.setInt32(at, 2);
    view.setInt16(at + 4, value);
    return at + 6;
  }

  function writeMetadata(at: number, json: string | null): number {
    if (json === null) {
      view.setInt32(at, -1);
      return at + 4;
    }
    // jsonb travels as a version byte and its text.
    bytes[at + 4] = 1;
    const written = bytes.write(json, at + 5, "utf8");
    view.setInt32(at, written + 1);
    return at + 5 + written;
  }

  function write(seriesId: number, sample: Sample): void {
    const { metadata } = sample;
    const needed = metadata === null ? ROW_BYTES : ROW_BYTES + 1 + 3 * metadata.length;
    if (end + needed > bytes.length) makeRoom(needed);
    const micros = (sample.timeMs - POSTGRES_EPOCH_MS) * 1_000;
    let at = end;
    view.setInt16(at, SAMPLE_COLUMNS.length);
    view.setInt32(at + 2, 8);
    view.setInt32(at + 6, Math.floor(micros / 4_294_967_296));
    view.setUint32(at + 10, micros % 4_294_967_296);
    view.setInt32(at + 14, 4);
    view.setInt32(at + SERIES_AT, seriesId);
    at = writeDouble(at + 22, sample.latencyMs);
    at = writeDouble(at, sample.latencyMinMs);
    at = writeDouble(at, sample.latencyMaxMs);
    at = writeDouble(at, sample.jitterMs);
    at = writeDouble(at, sample.uptimePct);
    at = writeDouble(at, sample.packetLoss);
    at = writeSmallint(at, sample.sent);
    at = writeSmallint(at, sample.received);
    end = writeMetadata(at, metadata);
  }

  function copy(rows: Uint8Array, starts: readonly number[], ids: readonly number[]): void {
    if (end + rows.length > bytes.length) makeRoom(rows.length);
    bytes.set(rows, end);
    for (const start of starts) {
      const at = end + start + SERIES_AT;
      view.setInt32(at, ids[view.getInt32(at)] ?? 0);
    }
    end += rows.length;
  }

  return {
    length: () => end,
    write,
    copy,
    truncate(length) {
      end = length;
    },
    slice: (start, stop) => bytes.subarray(start, stop),
  };
}
