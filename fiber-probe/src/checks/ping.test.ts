import fc from "fast-check";
import { expect, test } from "vitest";
import { parsePing } from "./ping.js";

test("reads what iputils prints; a lost packet is null, a duplicate counts once", () => {
  const output = `PING 127.0.0.1 (127.0.0.1) 56(84) bytes of data.
64 bytes from 127.0.0.1: icmp_seq=1 ttl=64 time=0.036 ms
64 bytes from 127.0.0.1: icmp_seq=1 ttl=64 time=0.050 ms (DUP!)
64 bytes from 127.0.0.1: icmp_seq=3 ttl=64 time=12 ms

--- 127.0.0.1 ping statistics ---
3 packets transmitted, 2 received, 33% packet loss, time 402ms`;
  expect(parsePing(output, 3)).toEqual([0.036, null, 12]);
});

test("arbitrary output gives exactly as many packets as were sent", () => {
  fc.assert(
    fc.property(fc.string(), fc.integer({ min: 1, max: 9 }), (output, count) => {
      expect(parsePing(output, count)).toHaveLength(count);
    }),
  );
});
