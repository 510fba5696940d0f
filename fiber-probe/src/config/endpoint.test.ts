import fc from "fast-check";
import { expect, test } from "vitest";
import { formatEndpoint, isHost, parseEndpoint } from "./endpoint.js";

test.each([
  ["example.net:443", { hostname: "example.net", port: 443 }],
  ["192.0.2.1:22", { hostname: "192.0.2.1", port: 22 }],
  ["[2001:db8::1]:53", { hostname: "2001:db8::1", port: 53 }],
])("reads %s", (text, endpoint) => {
  expect(parseEndpoint(text)).toEqual(endpoint);
});

test("takes the default port", () => {
  expect(parseEndpoint("example.net", 443)).toEqual({ hostname: "example.net", port: 443 });
  expect(parseEndpoint("2001:db8::1", 53)).toEqual({ hostname: "2001:db8::1", port: 53 });
});

test.each(["example.net", "example.net:0", "example.net:70000", "[example.net]:1", ":80", "a b:1"])(
  "refuses %s without a default port",
  (text) => {
    expect(parseEndpoint(text)).toBeNull();
  },
);

test.each(["999.1.1.1", "1.2.3", "-x", "a..b", "../etc", "a\u0000b", ""])(
  "%j is no host",
  (text) => {
    expect(isHost(text)).toBe(false);
  },
);

test("what is written is read back", () => {
  const hostname = fc.oneof(fc.ipV4(), fc.ipV6(), fc.domain());
  fc.assert(
    fc.property(hostname, fc.integer({ min: 1, max: 65_535 }), (name, port) => {
      const endpoint = { hostname: name, port };
      expect(parseEndpoint(formatEndpoint(endpoint))).toEqual(endpoint);
    }),
  );
});
