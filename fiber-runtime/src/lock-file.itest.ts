import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { lockHolder, tryLock } from "./lock-file.js";
import { identifyProcess } from "./process-identity.js";

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "fiber-lock-"));
  path = join(folder, "stack.lock");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("a held lock names its holder until it is released", () => {
  const first = tryLock(path, { what: "fiber up" });
  expect(first.kind).toBe("held");
  const second = tryLock(path, { what: "again" });
  expect(second).toMatchObject({ kind: "taken", holder: { pid: process.pid, what: "fiber up" } });
  expect(lockHolder(path)?.pid).toBe(process.pid);
  if (first.kind === "held") first.release();
  expect(lockHolder(path)).toBeNull();
  expect(readdirSync(folder)).toEqual([]);
});

test("the lock of a process that was killed is taken over", async () => {
  const sleeper = spawn("sleep", ["60"]);
  await once(sleeper, "spawn");
  const content = {
    ...identifyProcess(sleeper.pid ?? 0),
    since: new Date().toISOString(),
    what: "x",
  };
  writeFileSync(path, JSON.stringify(content));
  expect(tryLock(path, { what: "mine" })).toMatchObject({
    kind: "taken",
    holder: { pid: sleeper.pid },
  });
  sleeper.kill("SIGKILL");
  await once(sleeper, "exit");
  expect(tryLock(path, { what: "mine" }).kind).toBe("held");
  expect(JSON.parse(readFileSync(path, "utf8"))).toMatchObject({ pid: process.pid, what: "mine" });
});

test.each([
  ["a pid that now belongs to another process", { startTime: "1" }],
  ["a process from before a reboot", { bootId: "another boot" }],
])("%s does not hold a lock", (_, change) => {
  const stale = { ...identifyProcess(process.pid), since: "x", what: "x", ...change };
  writeFileSync(path, JSON.stringify(stale));
  expect(lockHolder(path)).toBeNull();
  expect(tryLock(path, { what: "mine" }).kind).toBe("held");
});

test.each(["", "{", "[]", '{"pid":"x"}', "\0\0\0"])("a damaged lock (%j) is taken over", (text) => {
  writeFileSync(path, text);
  expect(tryLock(path, { what: "mine" }).kind).toBe("held");
});

test("of many that try at once over a stale lock exactly one gets it", async () => {
  writeFileSync(path, "left by a killed process");
  const script = `
    import { tryLock } from ${JSON.stringify(join(import.meta.dirname, "lock-file.ts"))};
    const outcome = tryLock(${JSON.stringify(path)}, { what: "race" });
    console.log(outcome.kind);
    process.stdin.resume();`;
  const racers = Array.from({ length: 4 }, () =>
    spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", script], {
      stdio: ["pipe", "pipe", "inherit"],
    }),
  );
  try {
    const outcomes = await Promise.all(
      racers.map(async ({ stdout }) => String((await once(stdout, "data"))[0]).trim()),
    );
    expect(outcomes.sort()).toEqual(["held", "taken", "taken", "taken"]);
  } finally {
    for (const racer of racers) racer.kill("SIGKILL");
  }
});
