import fc from "fast-check";
import { expect, test } from "vitest";
import { formatLogLine, timeOf } from "./log-line.js";

const LINE =
  '{"level":40,"time":"2026-11-22T10:56:25.690Z","role":"api","pid":7,"retryInMs":500,"url":"http://x","msg":"uplink failed"}';

test("a line shows time, role, level, message and the other fields", () => {
  expect(formatLogLine("api", LINE)).toBe(
    "10:56:25.690  api  warn  uplink failed  retryInMs=500  url=http://x",
  );
  expect(timeOf(LINE)).toBe(Date.parse("2026-11-22T10:56:25.690Z"));
});

test("an error's stack follows, indented", () => {
  const line =
    '{"level":50,"time":"2026-11-22T10:56:25.690Z","msg":"x","err":{"stack":"Error: no\\n at y"}}';
  expect(formatLogLine("api", line)).toBe("10:56:25.690  api  error  x\n    Error: no\n     at y");
});

test("whatever a role writes is shown and never throws", () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.json(),
        fc.json().map((json) => `{"msg":${json}}`),
      ),
      (line) => {
        expect(formatLogLine("api", line)).toContain("api");
        expect(timeOf(line)).toBeGreaterThanOrEqual(0);
      },
    ),
  );
});
