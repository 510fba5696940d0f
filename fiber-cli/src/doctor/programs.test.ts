import { expect, test } from "vitest";
import { checkNode, parseVersion } from "./programs.js";

test.each([
  ["git version 2.39.5", "2.39.5"],
  ["fping: Version 5.1", "5.1"],
  ["ping from iputils 20221126", "20221126"],
  ["pg_dump (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)", "15.18"],
  ["no digits here", null],
])("%s is version %s", (text, version) => {
  expect(parseVersion(text)).toBe(version);
});

test.each([
  ["20.19.0", "ok"],
  ["24.1.0", "ok"],
  ["20.18.3", "blocking"],
  ["18.20.0", "blocking"],
])("Node %s is %s", (version, level) => {
  expect(checkNode(version).level).toBe(level);
});
