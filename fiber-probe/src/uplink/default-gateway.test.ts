import fc from "fast-check";
import { expect, test } from "vitest";
import { parseRoutes } from "./default-gateway.js";

const HEADER = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n";
const route = (destination: string, gateway: string, flags: string, metric: number, mask: string) =>
  `eth0\t${destination}\t${gateway}\t${flags}\t0\t0\t${metric}\t${mask}\t0\t0\t0   \n`;

test("the default route of the lowest metric", () => {
  const table =
    HEADER +
    route("00000000", "FE01A8C0", "0003", 600, "00000000") +
    route("00000000", "0101A8C0", "0003", 100, "00000000") +
    route("0001A8C0", "00000000", "0001", 100, "00FFFFFF");
  expect(parseRoutes(table)).toEqual({ kind: "gateway", address: "192.168.1.1" });
});

test("no default route, or one that rejects", () => {
  expect(parseRoutes(HEADER)).toEqual({ kind: "none" });
  const rejecting = HEADER + route("00000000", "0101A8C0", "0203", 0, "00000000");
  expect(parseRoutes(rejecting)).toEqual({ kind: "none" });
});

test("a route to a point has no gateway", () => {
  const table = HEADER + route("00000000", "00000000", "0001", 0, "00000000");
  expect(parseRoutes(table)).toEqual({ kind: "direct" });
});

test("arbitrary text never throws", () => {
  fc.assert(fc.property(fc.string(), (text) => void parseRoutes(text)));
});
