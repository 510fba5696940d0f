import { existsSync, mkdtempSync, readFileSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { logPath, openLog, rotateLog } from "./role-log.js";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "fiber-log-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("a log beyond its size is cut, its writer goes on, three older ones are kept", () => {
  const fd = openLog(folder, "api");
  const path = logPath(folder, "api");
  for (let round = 1; round <= 5; round++) {
    writeSync(fd, `round ${round}\n`);
    expect(rotateLog(folder, "api", 5)).toBe(true);
    expect(readFileSync(path, "utf8")).toBe("");
  }
  writeSync(fd, "now\n");
  expect(rotateLog(folder, "api", 5)).toBe(false);
  expect(readFileSync(path, "utf8")).toBe("now\n");
  expect([1, 2, 3].map((n) => readFileSync(`${path}.${n}`, "utf8"))).toEqual([
    "round 5\n",
    "round 4\n",
    "round 3\n",
  ]);
  expect(existsSync(`${path}.4`)).toBe(false);
});

test("a log that does not exist is nothing to rotate", () => {
  expect(rotateLog(folder, "api", 5)).toBe(false);
});
