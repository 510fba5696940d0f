import { expect, test } from "vitest";
import { suggest } from "./suggest.js";

test.each([
  ["intervall", "interval"],
  ["TARGETS", "targets"],
  ["nodeid", "node_id"],
])("%s is near %s", (written, meant) => {
  expect(suggest(written, ["interval", "targets", "node_id"])).toBe(meant);
});

test("far words get no suggestion", () => {
  expect(suggest("colour", ["interval", "targets"])).toBeNull();
});
