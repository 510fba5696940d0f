import { expect, it } from "vitest";
import { makeSample } from "../ingest-log-conformance.itest-kit.js";
import { createSeriesCache } from "./series-cache.js";

it("tells series of equal targets apart by node and check", () => {
  const cache = createSeriesCache();
  const key = { nodeId: "a", target: "x", check: "icmp" };
  expect(cache.find(makeSample({ nodeId: "a", target: "x" }))).toBeUndefined();
  cache.add({
    deletedNodes: [],
    series: [
      { ...key, seriesId: 1 },
      { ...key, check: "tcp", seriesId: 2 },
      { ...key, nodeId: "b", seriesId: 3 },
      { ...key, target: "", check: "", seriesId: 4 },
    ],
  });
  expect(cache.find(makeSample({ nodeId: "a", target: "x" }))).toBe(1);
  expect(cache.find(makeSample({ nodeId: "a", target: "x", check: "tcp" }))).toBe(2);
  expect(cache.find(makeSample({ nodeId: "b", target: "x" }))).toBe(3);
  expect(cache.find(makeSample({ nodeId: "a", target: "", check: "" }))).toBe(4);
  cache.forgetNodes(["a"]);
  expect(cache.find(makeSample({ nodeId: "a", target: "x" }))).toBeUndefined();
  expect(cache.find(makeSample({ nodeId: "b", target: "x" }))).toBe(3);
  cache.clear();
  expect(cache.find(makeSample({ nodeId: "b", target: "x" }))).toBeUndefined();
});
