import fc from "fast-check";
import { expect, test } from "vitest";
import { parseFping } from "./fping.js";

test("reads what fping 5.1 prints, padded addresses and losses included", () => {
  const output = `ICMP Host Unreachable from 192.0.2.2 for ICMP Echo sent to 192.0.2.9
127.0.0.1   : 0.38 0.092 0.049
192.0.2.10  : - 12.3 -
2001:db8::1 : 1 2 3 `;
  expect(Object.fromEntries(parseFping(output, 3))).toEqual({
    "127.0.0.1": [0.38, 0.092, 0.049],
    "192.0.2.10": [null, 12.3, null],
    "2001:db8::1": [1, 2, 3],
  });
});

test("passes over lines that are no results", () => {
  const noise = [
    "127.0.0.1 : duplicate for [0], 64 bytes, 0.05 ms",
    "127.0.0.1 : xmt/rcv/%loss = 3/3/0%, min/avg/max = 0.05/0.06/0.09",
    "127.0.0.1 : 1 2",
    "fping: can't create raw socket",
    "",
  ];
  expect(parseFping(noise.join("\n"), 3).size).toBe(0);
});

test("any round that is printed is read back", () => {
  const rtt = fc.option(fc.integer({ min: 0, max: 60_000_000 }), { nil: null });
  const round = fc.integer({ min: 1, max: 20 }).chain((count) =>
    fc.record({
      count: fc.constant(count),
      rows: fc.uniqueArray(
        fc.tuple(
          fc.oneof(fc.ipV4(), fc.ipV6()),
          fc.array(rtt, { minLength: count, maxLength: count }),
        ),
        { selector: ([address]) => address, maxLength: 20 },
      ),
    }),
  );
  fc.assert(
    fc.property(round, ({ count, rows }) => {
      const text = (value: number | null) => (value === null ? "-" : `${value / 1_000}`);
      const output = rows.map(
        ([address, list]) => `${address.padEnd(20)} : ${list.map(text).join(" ")}`,
      );
      const expected = rows.map(([address, list]) => [
        address,
        list.map((value) => (value === null ? null : value / 1_000)),
      ]);
      expect([...parseFping(output.join("\n"), count)]).toEqual(expected);
    }),
  );
});

test("arbitrary output never throws and never invents packets", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.integer({ min: 1, max: 5 }), (output, count) => {
      for (const list of parseFping(output, count).values()) expect(list).toHaveLength(count);
    }),
  );
});
