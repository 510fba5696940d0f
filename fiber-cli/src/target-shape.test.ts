import fc from "fast-check";
import { expect, test } from "vitest";
import { guessCheck, shapeTarget } from "./target-shape.js";

test.each([
  ["192.0.2.1", "icmp"],
  ["example.net", "icmp"],
  ["2001:db8::1", "icmp"],
  ["example.net:443", "tcp"],
  ["192.0.2.1:22", "tcp"],
  ["[2001:db8::1]:443", "tcp"],
  ["http://example.net", "http"],
  ["HTTPS://example.net:8443/health", "http"],
])("%s is measured by %s", (host, check) => {
  expect(guessCheck(host)).toBe(check);
});

test("options become an entry; what was not typed is not written", () => {
  expect(shapeTarget("192.0.2.1", {})).toEqual({ host: "192.0.2.1", check: "icmp" });
  expect(
    shapeTarget("https://example.net/", {
      label: "shop",
      count: "3",
      timeout: "2s",
      expectStatus: "204",
    }),
  ).toEqual({
    host: "https://example.net/",
    check: "http",
    label: "shop",
    count: 3,
    timeout: "2s",
    expect: { status: 204 },
  });
  expect(shapeTarget("example.net:443", { check: "tls" }).check).toBe("tls");
});

test("numbers that are none are refused by the option's name", () => {
  fc.assert(
    fc.property(
      fc.string().filter((text) => !(Number.isInteger(Number(text)) && Number(text) > 0)),
      (text) => {
        expect(() => shapeTarget("192.0.2.1", { count: text })).toThrow(/--count/);
      },
    ),
  );
});
