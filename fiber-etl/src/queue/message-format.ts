import type { IngestTrace } from "#contracts";
import type { SeriesKey } from "#db";

/**
 * A message of the ingest log: rows of `samples` in PostgreSQL's binary COPY format, whose series
 * ids are indices into the message's own list of series, so that a writer only has to put its ids
 * in. All numbers big-endian, texts UTF-8 after their length (u16):
 *
 *     u32 "FSQ1"   u32 rows   u32 bytes of rows   u16 series   u16 hours   u16 traces
 *     hours:  i32 hour since 1970, each that a row falls into
 *     series: node, country, region, check, target
 *     traces: request id, trace id
 *     rows
 */
interface MessageParts {
  readonly series: readonly SeriesKey[];
  /** Starts, epoch ms, of the hours that rows fall into. */
  readonly hours: readonly number[];
  readonly traces: readonly IngestTrace[];
  readonly rows: Uint8Array;
  readonly rowCount: number;
}

/** A message as it was read; `starts` is where each row begins in `rows`. */
export interface ReadMessage extends MessageParts {
  readonly starts: readonly number[];
}

const MAGIC = 0x46535131;
const HEAD_BYTES = 18;
const HOUR_MS = 3_600_000;
const MAX_U16 = 65_535;

/** Bytes of a series as {@link encodeMessage} writes it. */
export function encodeSeries({ nodeId, country, region, check, target }: SeriesKey): Buffer {
  return encodeTexts([nodeId, country, region, check, target]);
}

/** Bytes of a trace as {@link encodeMessage} writes it. */
export function encodeTrace({ requestId, traceId }: IngestTrace): Buffer {
  return encodeTexts([requestId, traceId]);
}

function encodeTexts(texts: readonly string[]): Buffer {
  const sizes = texts.map((text) => Buffer.byteLength(text));
  const bytes = Buffer.allocUnsafe(sizes.reduce((sum, size) => sum + 2 + size, 0));
  let at = 0;
  texts.forEach((text, index) => {
    const size = sizes[index] ?? 0;
    if (size > MAX_U16) throw new RangeError("A text of a sample is longer than 65,535 bytes");
    bytes.writeUInt16BE(size, at);
    bytes.write(text, at + 2);
    at += 2 + size;
  });
  return bytes;
}

/** Puts a message together from series and traces that are encoded already. */
export function encodeMessage(parts: {
  readonly series: readonly Uint8Array[];
  readonly hours: ReadonlySet<number>;
  readonly traces: readonly Uint8Array[];
  readonly rows: Uint8Array;
  readonly rowCount: number;
}): Buffer {
  const { series, hours, traces, rows } = parts;
  const head = Buffer.allocUnsafe(HEAD_BYTES + 4 * hours.size);
  head.writeUInt32BE(MAGIC, 0);
  head.writeUInt32BE(parts.rowCount, 4);
  head.writeUInt32BE(rows.length, 8);
  head.writeUInt16BE(series.length, 12);
  head.writeUInt16BE(hours.size, 14);
  head.writeUInt16BE(traces.length, 16);
  let at = HEAD_BYTES;
  for (const hourMs of hours) at = head.writeInt32BE(hourMs / HOUR_MS, at);
  return Buffer.concat([head, ...series, ...traces, rows]);
}

/**
 * Reads a message and checks it to its last byte, so that nothing but values can be wrong in what
 * is handed to COPY.
 *
 * @returns the message, or in words why it is none
 */
export function readMessage(data: Uint8Array): ReadMessage | string {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.length);
  if (bytes.length < HEAD_BYTES || bytes.readUInt32BE(0) !== MAGIC) {
    return "it does not begin as a message of samples does";
  }
  const rowCount = bytes.readUInt32BE(4);
  const rowBytes = bytes.readUInt32BE(8);
  const counts = [12, 14, 16].map((at) => bytes.readUInt16BE(at));
  const [seriesCount = 0, hourCount = 0, traceCount = 0] = counts;
  const reader = createReader(bytes, HEAD_BYTES);
  const hours = Array.from({ length: hourCount }, () => reader.int32() * HOUR_MS);
  const series = Array.from({ length: seriesCount }, () => readSeries(reader));
  const traces = Array.from({ length: traceCount }, () => ({
    requestId: reader.text(),
    traceId: reader.text(),
  }));
  const rowsAt = reader.at();
  if (rowsAt === null) return "it ends within its head";
  if (rowsAt + rowBytes !== bytes.length) return "it is not as long as its head says";
  const rows = bytes.subarray(rowsAt);
  const starts = rowStarts(rows, rowCount, seriesCount);
  if (starts === null) return "its rows are not rows of samples";
  return { series, hours, traces, rows, rowCount, starts };
}

function readSeries(reader: Reader): SeriesKey {
  const nodeId = reader.text();
  const country = reader.text();
  const region = reader.text();
  const check = reader.text();
  return { nodeId, country, region, check, target: reader.text() };
}

interface Reader {
  int32(): number;
  text(): string;
  /** Where it stands; null when the bytes ended before. */
  at(): number | null;
}

/** Reads on past the end as zeros and empty texts, and says so at the end. */
function createReader(bytes: Buffer, start: number): Reader {
  let at = start;
  const take = (size: number): number | null => {
    const from = at;
    at += size;
    return at > bytes.length ? null : from;
  };
  return {
    int32() {
      const from = take(4);
      return from === null ? 0 : bytes.readInt32BE(from);
    },
    text() {
      const head = take(2);
      const size = head === null ? 0 : bytes.readUInt16BE(head);
      const from = take(size);
      return from === null ? "" : bytes.toString("utf8", from, from + size);
    },
    at: () => (at > bytes.length ? null : at),
  };
}

/** The lengths that a column may have; -1 is NULL, and 0 in `max` bounds nothing (metadata). */
const COLUMNS = 11;
const FIXED_BYTES: readonly number[] = [8, 4, 8, 8, 8, 8, 8, 8, 2, 2];
const NOT_NULL: readonly boolean[] = [
  true,
  true,
  false,
  false,
  false,
  false,
  true,
  true,
  false,
  false,
];

function rowStarts(rows: Buffer, count: number, seriesCount: number): number[] | null {
  const view = new DataView(rows.buffer, rows.byteOffset, rows.length);
  const starts: number[] = [];
  const end = rows.length;
  let at = 0;
  for (let row = 0; row < count; row++) {
    starts.push(at);
    if (at + 22 > end || view.getInt16(at) !== COLUMNS) return null;
    const series = view.getInt32(at + 18);
    if (series < 0 || series >= seriesCount) return null;
    at += 2;
    for (let column = 0; column < COLUMNS; column++) {
      if (at + 4 > end) return null;
      const size = view.getInt32(at);
      const fits =
        size === -1
          ? NOT_NULL[column] !== true
          : column < FIXED_BYTES.length
            ? size === FIXED_BYTES[column]
            : size > 0;
      if (!fits) return null;
      at += size === -1 ? 4 : 4 + size;
    }
  }
  return at === end ? starts : null;
}
