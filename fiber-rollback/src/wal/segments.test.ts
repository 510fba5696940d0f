import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { missingSegments, nextSegment, parseLsn, segmentOf } from "./segments.js";

const MB = 1024 * 1024;
const size = fc.constantFrom(1 * MB, 16 * MB, 64 * MB, 1024 * MB);

describe("WAL segments", () => {
  it.each([
    ["000000010000000000000001", 16, "000000010000000000000002"],
    ["0000000100000000000000FF", 16, "000000010000000100000000"],
    ["000000020000000A00000FFF", 1, "000000020000000B00000000"],
  ])("after %s of %i MB comes %s", (name, megabytes, next) => {
    expect(nextSegment(name, megabytes * MB)).toBe(next);
  });

  it.each([
    ["0/3000158", 1, "000000010000000000000003"],
    ["2/FF000000", 3, "0000000300000002000000FF"],
  ])("%s on timeline %i lies in %s", (lsn, timeline, name) => {
    expect(segmentOf(lsn, timeline, 16 * MB)).toBe(name);
  });

  it("names follow each other as positions do", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 50n }), size, (at, bytes) => {
        const lsn = (position: bigint) =>
          `${(position >> 32n).toString(16)}/${(position & 0xffffffffn).toString(16)}`;
        expect(parseLsn(lsn(at))).toBe(at);
        const name = segmentOf(lsn(at), 1, bytes);
        const after = segmentOf(lsn(at + BigInt(bytes)), 1, bytes);
        expect(nextSegment(name, bytes)).toBe(after);
        expect(after > name).toBe(true);
      }),
    );
  });

  it("finds exactly the holes", () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { minLength: 1, maxLength: 40 }), (there) => {
        const names = there.map((_, at) =>
          segmentOf(
            `0/${(250 + at).toString(16)}000000`.replace(/^0\/(.)(..)(.{6})$/, "$1/$2$3"),
            1,
            16 * MB,
          ),
        );
        const present = names.filter((_, at) => there[at]);
        const first = names[0] ?? "";
        const last = names.at(-1) ?? "";
        expect(missingSegments(present, { first, last, segmentBytes: 16 * MB })).toEqual(
          names.filter((_, at) => !there[at]),
        );
      }),
    );
  });
});
