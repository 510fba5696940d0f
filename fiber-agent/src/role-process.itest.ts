import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createLogger, systemClock } from "#runtime";
import { createRoleProcess, type RoleProcess } from "./role-process.js";
import type { RoleSpec } from "./role-spec.js";

let folder: string;
let said: string[];
let role: RoleProcess | null;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "fiber-role-"));
  said = [];
  role = null;
});
afterEach(async () => {
  await role?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** A role that is a little Node program; its last argument tells it what to do. */
function make(script: string, env: Record<string, string> = {}): RoleProcess {
  const path = join(folder, "role.mjs");
  writeFileSync(path, script);
  return makeFrom({ command: [process.execPath, path], env });
}

function makeFrom(given: Pick<RoleSpec, "command"> & Partial<RoleSpec>): RoleProcess {
  role = createRoleProcess({
    spec: {
      name: "role",
      env: {},
      laterEnv: (first) => ({ FIRST: String(first.port) }),
      switch: "deferred",
      writer: false,
      startMs: 60_000,
      ...given,
    },
    release: { tag: "v1", digest: null, tree: null },
    logFolder: folder,
    log: createLogger({ role: "test", level: "silent" }),
    clock: systemClock,
    say: (line) => said.push(line),
  });
  return role;
}

const READY = `
  process.on("SIGTERM", () => process.exit(0));
  process.on("message", () => {});
  console.log("my words");
  process.send({ type: "ready", detail: { port: 1234, first: process.env.FIRST ?? "" } });`;

test("a role is ready when it says so, writes its log, and stops on TERM", async () => {
  const started = make(READY);
  expect(await started.start()).toEqual({ port: 1234, first: "" });
  expect(started.status()).toMatchObject({ state: "running", restarts: 0 });
  expect(started.status().memory_bytes).toBeGreaterThan(1e6);
  await started.stop();
  expect(started.status()).toMatchObject({ state: "stopped", pid: null });
  expect(readFileSync(join(folder, "role.log"), "utf8")).toBe("my words\n");
  expect(said).toEqual([]);
});

test("a role that says why it cannot start fails with its code and words", async () => {
  const failing = make(`
    process.send({ type: "failed", code: "PORT_TAKEN", message: "port 8000 is taken" });
    setTimeout(() => process.exit(3), 50);`);
  await expect(failing.start()).rejects.toMatchObject({
    code: "PORT_TAKEN",
    message: "port 8000 is taken",
  });
});

test("a role that ends without a word fails with how it ended and where its log is", async () => {
  await expect(make("process.exit(7)").start()).rejects.toMatchObject({
    code: "ROLE_FAILED",
    message: expect.stringMatching(/exit code 7.*role\.log/s),
  });
});

test("a program that does not exist fails instead of hanging", async () => {
  makeFrom({ command: [join(folder, "nowhere")] });
  await expect(role?.start()).rejects.toThrow(/ENOENT/);
});

test("a role that was killed is started again, with what its first life said", async () => {
  const started = make(READY);
  await started.start();
  const first = started.status().pid;
  process.kill(first ?? 0, "SIGKILL");
  await until(() => started.status().restarts === 1 && started.status().state === "running");
  expect(started.status().pid).not.toBe(first);
  expect(said[0]).toMatch(/^role ended \(SIGKILL\); starting it again in 0\.5 s$/);
  expect(said[1]).toBe("role is back");
});

test("whatever a role started ends with it", async () => {
  const started = make(`
    import { spawn } from "node:child_process";
    const child = spawn("sleep", ["600"], { stdio: "ignore" });
    process.on("message", () => {});
    process.send({ type: "ready", detail: { port: child.pid } });`);
  const { port: grandchild } = await started.start();
  process.kill(started.status().pid ?? 0, "SIGKILL");
  await until(() => !exists(Number(grandchild)));
});

test("a role is not started again while it is stopped", async () => {
  const started = make(READY);
  await started.start();
  process.kill(started.status().pid ?? 0, "SIGKILL");
  await until(() => started.status().state === "waiting");
  await started.stop();
  expect(started.status()).toMatchObject({ state: "stopped", restarts: 0 });
});

async function until(met: () => boolean): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!met()) {
    if (Date.now() > deadline) throw new Error(`not met within 30 s: ${met}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function exists(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return !/^\d+ \(.*\) Z/.test(stat);
  } catch {
    return false;
  }
}
