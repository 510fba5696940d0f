import { expect, test } from "vitest";
import { formatBytes, formatSeconds, formatTable } from "./terminal.js";

test.each([
  [0, "0 B"],
  [999, "999 B"],
  [1_000, "1.0 kB"],
  [58_400_000, "58 MB"],
  [1.5e12, "1.5 TB"],
])("%d bytes read %s", (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});

test.each([
  [0, "0 s"],
  [59.4, "59 s"],
  [60, "1 min 0 s"],
  [3_600, "1 h 0 min"],
  [172_800, "2 d 0 h"],
])("%d seconds read %s", (seconds, text) => {
  expect(formatSeconds(seconds)).toBe(text);
});

test("columns align by what is seen, not by colour codes", () => {
  const red = "\u001b[31mDOWN\u001b[39m";
  expect(
    formatTable([
      ["NODE", "STATE", "X"],
      ["a", red, "1"],
      ["bb", "HEALTHY", "2"],
    ]),
  ).toBe(`NODE  STATE    X\na     ${red}     1\nbb    HEALTHY  2`);
});
