import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Sample } from "#contracts";
import { columnArrays } from "./column-arrays.js";
import { createRowBuffer, SAMPLE_COLUMNS } from "./row-buffer.js";

const POSTGRES_EPOCH_MS = 946_684_800_000n;
const figure = fc.option(fc.double({ noNaN: true, noDefaultInfinity: true }), { nil: null });
const count = fc.option(fc.integer({ min: 0, max: 10_000 }), { nil: null });
const sampleArbitrary: fc.Arbitrary<Sample> = fc.record({
  nodeId: fc.constant("node"),
  country: fc.constant("GH"),
  region: fc.constant("Accra"),
  target: fc.constant("t"),
  check: fc.constant("icmp" as const),
  timeMs: fc.integer({ min: 0, max: 9_900_000_000_000 }),
  latencyMs: figure,
  latencyMinMs: figure,
  latencyMaxMs: figure,
  jitterMs: figure,
  sent: count,
  received: count,
  uptimePct: fc.double({ min: 0, max: 100, noNaN: true }),
  packetLoss: fc.double({ min: 0, max: 100, noNaN: true }),
  metadata: fc.option(fc.json(), { nil: null }),
});
const rowsArbitrary = fc.array(
  fc.record({ seriesId: fc.integer({ min: 1, max: 2_147_483_647 }), sample: sampleArbitrary }),
  { maxLength: 50 },
);

/** What PostgreSQL reads for one row: the values' bytes, null for NULL. */
function expectedRow(seriesId: number, sample: Sample): readonly (Buffer | null)[] {
  const double = (value: number | null) => bytes(value, 8, (b, v) => b.writeDoubleBE(v));
  const small = (value: number | null) => bytes(value, 2, (b, v) => b.writeInt16BE(v));
  const time = Buffer.alloc(8);
  time.writeBigInt64BE((BigInt(sample.timeMs) - POSTGRES_EPOCH_MS) * 1_000n);
  const { metadata } = sample;
  return [
    time,
    bytes(seriesId, 4, (b, v) => b.writeInt32BE(v)),
    double(sample.latencyMs),
    double(sample.latencyMinMs),
    double(sample.latencyMaxMs),
    double(sample.jitterMs),
    double(sample.uptimePct),
    double(sample.packetLoss),
    small(sample.sent),
    small(sample.received),
    metadata === null ? null : Buffer.concat([Buffer.from([1]), Buffer.from(metadata, "utf8")]),
  ];
}

function bytes(
  value: number | null,
  size: number,
  write: (target: Buffer, value: number) => void,
): Buffer | null {
  if (value === null) return null;
  const target = Buffer.alloc(size);
  write(target, value);
  return target;
}

function readValue(source: Buffer, at: number): { value: Buffer | null; next: number } {
  const size = source.readInt32BE(at);
  if (size === -1) return { value: null, next: at + 4 };
  return { value: Buffer.from(source.subarray(at + 4, at + 4 + size)), next: at + 4 + size };
}

describe("createRowBuffer", () => {
  it("writes what PostgreSQL's binary COPY reads, value for value", () => {
    fc.assert(
      fc.property(rowsArbitrary, (rows) => {
        const buffer = createRowBuffer();
        for (const { seriesId, sample } of rows) buffer.write(seriesId, sample);
        const written = buffer.slice(0, buffer.length());
        let at = 0;
        for (const { seriesId, sample } of rows) {
          expect(written.readInt16BE(at)).toBe(SAMPLE_COLUMNS.length);
          at += 2;
          for (const expected of expectedRow(seriesId, sample)) {
            const { value, next } = readValue(written, at);
            expect(value).toEqual(expected);
            at = next;
          }
        }
        expect(at).toBe(buffer.length());
      }),
    );
  });

  it("forgets what comes after the length that it is truncated to", () => {
    const buffer = createRowBuffer();
    const [one] = fc.sample(sampleArbitrary, 1);
    if (one === undefined) throw new Error("no sample was made");
    buffer.write(1, one);
    const length = buffer.length();
    const before = Buffer.from(buffer.slice(0, length));
    buffer.write(2, { ...one, metadata: `"${"x".repeat(300_000)}"` });
    buffer.truncate(length);
    expect(buffer.length()).toBe(length);
    expect(Buffer.from(buffer.slice(0, length))).toEqual(before);
  });
});

describe("columnArrays", () => {
  it("holds each column's values in the order of the rows", () => {
    fc.assert(
      fc.property(rowsArbitrary, (rows) => {
        const buffer = createRowBuffer();
        for (const { seriesId, sample } of rows) buffer.write(seriesId, sample);
        const arrays = columnArrays(buffer.slice(0, buffer.length()), rows.length);
        expect(arrays).toHaveLength(SAMPLE_COLUMNS.length);
        const expected = rows.map(({ seriesId, sample }) => expectedRow(seriesId, sample));
        for (const [column, array] of arrays.entries()) {
          expect(array.readInt32BE(0)).toBe(array.length - 4);
          expect(array.readInt32BE(16)).toBe(rows.length);
          let at = 24;
          for (const row of expected) {
            const { value, next } = readValue(array, at);
            expect(value).toEqual(row[column]);
            at = next;
          }
          expect(at).toBe(array.length);
        }
      }),
    );
  });
});
