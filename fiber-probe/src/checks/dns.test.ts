import { type Answer, encode, RECURSION_DESIRED } from "dns-packet";
import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeReply, recordText } from "./dns.js";

const question = { type: "A", name: "example.net" } as const;

function reply(id: number, name = "example.net"): Buffer {
  return encode({
    type: "response",
    id,
    flags: RECURSION_DESIRED,
    questions: [{ type: "A", name }],
    answers: [{ type: "A", name, data: "192.0.2.1" }],
  });
}

test("only the answer to this very question counts", () => {
  expect(decodeReply(reply(7), 7, question)).not.toBeNull();
  expect(decodeReply(reply(7, "EXAMPLE.net"), 7, question)).not.toBeNull();
  expect(decodeReply(reply(8), 7, question)).toBeNull();
  expect(decodeReply(reply(7, "example.com"), 7, question)).toBeNull();
});

test("foreign bytes never throw", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
      expect(() => decodeReply(Buffer.from(bytes), 7, question)).not.toThrow();
    }),
  );
});

test.each<[Answer, string]>([
  [{ type: "A", name: "a", data: "192.0.2.1" }, "192.0.2.1"],
  [{ type: "MX", name: "a", data: { preference: 10, exchange: "mx.a" } }, "10 mx.a"],
  [{ type: "SRV", name: "a", data: { priority: 1, weight: 2, port: 3, target: "t" } }, "1 2 3 t"],
  [{ type: "TXT", name: "a", data: [Buffer.from("v=spf1 "), Buffer.from("-all")] }, "v=spf1 -all"],
])("writes a record as text", (answer, text) => {
  expect(recordText(answer)).toBe(text);
});
