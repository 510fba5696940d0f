import { SAMPLE_COLUMNS } from "./row-buffer.js";

/** Type OIDs of the columns, in the order of SAMPLE_COLUMNS (pg_type.dat; fixed for ever). */
const FLOAT8 = 701;
const ELEMENT_OIDS: readonly number[] = [
  1184, // timestamptz
  23, // int4
  FLOAT8,
  FLOAT8,
  FLOAT8,
  FLOAT8,
  FLOAT8,
  FLOAT8,
  21, // int2
  21,
  3802, // jsonb
];

/** Bytes of one element with its length word, for the columns of fixed width. */
const ELEMENT_BYTES: readonly number[] = [12, 8, 12, 12, 12, 12, 12, 12, 6, 6];
/** The parameter's length word, then dimensions, null flag, element type, size and lower bound. */
const HEADER_BYTES = 4 + 20;

/**
 * Turns rows in binary COPY format into one binary array a column, each preceded by its length
 * word as a Bind message wants it. Both formats write a value as a length word and bytes, so the
 * values are copied as they are.
 *
 * @param rows  whole rows as RowBuffer wrote them
 * @param count how many rows those are
 */
export function columnArrays(rows: Buffer, count: number): readonly Buffer[] {
  const starts = columnStarts(count);
  const metadataStart = starts[SAMPLE_COLUMNS.length - 1] ?? 0;
  const target = Buffer.allocUnsafeSlow(metadataStart + HEADER_BYTES + rows.length);
  const view = new DataView(target.buffer);
  const source = new DataView(rows.buffer, rows.byteOffset, rows.length);
  const ends = starts.map((start) => start + HEADER_BYTES);
  let at = 0;
  for (let row = 0; row < count; row++) {
    at += 2;
    for (let column = 0; column < ELEMENT_OIDS.length; column++) {
      const size = source.getInt32(at);
      const end = ends[column] as number;
      view.setInt32(end, size);
      at += 4;
      if (size === 8) {
        view.setInt32(end + 4, source.getInt32(at));
        view.setInt32(end + 8, source.getInt32(at + 4));
      } else if (size === 4) {
        view.setInt32(end + 4, source.getInt32(at));
      } else if (size > 0) {
        rows.copy(target, end + 4, at, at + size);
      }
      const bytes = size > 0 ? size : 0;
      at += bytes;
      ends[column] = end + 4 + bytes;
    }
  }
  return starts.map((start, column) => {
    const end = ends[column] ?? start;
    writeHeader(view, start, { bytes: end - start - 4, count, oid: ELEMENT_OIDS[column] ?? 0 });
    return target.subarray(start, end);
  });
}

function columnStarts(count: number): number[] {
  const starts = [0];
  for (const bytes of ELEMENT_BYTES) {
    starts.push((starts.at(-1) ?? 0) + HEADER_BYTES + bytes * count);
  }
  return starts;
}

function writeHeader(
  view: DataView,
  at: number,
  array: { bytes: number; count: number; oid: number },
): void {
  view.setInt32(at, array.bytes);
  view.setInt32(at + 4, 1);
  view.setInt32(at + 8, 1);
  view.setInt32(at + 12, array.oid);
  view.setInt32(at + 16, array.count);
  view.setInt32(at + 20, 1);
}
