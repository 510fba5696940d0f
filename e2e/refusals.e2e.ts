import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createTestStack, type TestStack } from "./test-stack.js";

let stack: TestStack;

beforeEach(async () => {
  stack = await createTestStack();
});
afterEach(() => stack.cleanUp());

test.each([
  ["api", "FIBER_API_PORT"],
  ["dashboard", "FIBER_DASHBOARD_PORT"],
  ["pg", "FIBER_PG_PORT"],
] as const)(
  "a taken %s port stops the start and names holder and variable",
  async (which, variable) => {
    const stranger = createServer().listen(stack.ports[which], "127.0.0.1");
    await once(stranger, "listening");
    try {
      const started = await stack.fiber("up");
      expect(started.code).toBe(3);
      expect(started.stderr).toContain(`${stack.ports[which]}`);
      expect(started.stderr).toContain(`process ${process.pid}`);
      expect(started.stderr).toContain(variable);
      expect(stack.processes()).toEqual([]);
    } finally {
      stranger.close();
    }
  },
);

test("down --purge lists, asks, deletes everything but the backups", async () => {
  await stack.up();
  writeFileSync(join(stack.stateDir, "backups", "kept.dump"), "a backup");
  expect((await stack.fiber("down")).code).toBe(0);
  expect(stack.processes()).toEqual([]);

  const listed = await stack.fiber("down", "--purge", "--dry-run");
  expect(listed.code).toBe(0);
  expect(listed.stdout).toContain(join(stack.stateDir, "postgres"));
  expect(listed.stdout).toMatch(/\d+ MB/);
  expect(existsSync(join(stack.stateDir, "postgres"))).toBe(true);

  const unasked = await stack.fiber("down", "--purge");
  expect(unasked.code).toBe(2);
  expect(unasked.stderr).toContain("--yes");
  expect(existsSync(join(stack.stateDir, "postgres"))).toBe(true);

  expect((await stack.fiber("down", "--purge", "--yes")).code).toBe(0);
  expect(readdirSync(stack.stateDir)).toEqual(["backups"]);
  expect(readdirSync(join(stack.stateDir, "backups"))).toEqual(["kept.dump"]);
});

test("a probe.yaml that is not usable stops the start with its line", async () => {
  const folder = join(stack.stateDir, "config");
  mkdirSync(folder);
  const path = join(folder, "probe.yaml");
  writeFileSync(path, "targets:\n  - { host: 192.0.2.1, check: icpm }\n");
  const wrong = await createTestStack({ FIBER_PROBE_CONFIG: path });
  try {
    const started = await wrong.fiber("up");
    expect(started.code).toBe(2);
    expect(started.stderr).toContain(path);
    expect(started.stderr).toContain("line 2");
    expect(wrong.processes()).toEqual([]);
  } finally {
    await wrong.cleanUp();
  }
});
