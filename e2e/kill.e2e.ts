import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { afterAll, beforeAll, expect, test } from "vitest";
import { keyOf, type Sample, startLoad, storedSamples } from "./load-list.js";
import {
  createTestStack,
  eventually,
  isAlive,
  readMetrics,
  type Status,
  type TestStack,
} from "./test-stack.js";

/** Acknowledged samples that must come in after a kill before the next one. */
const STEP = 2_000;

let stack: TestStack;
let supervisor: ChildProcess;

beforeAll(async () => {
  stack = await createTestStack({ FIBER_PUSH_PER_MIN: "0" });
  supervisor = await stack.up();
});
afterAll(() => stack.cleanUp());

test("kill -9 of API, PostgreSQL and a probe under load: every 202 is stored exactly once", async () => {
  const client = await startLoad(stack, "load");
  let acked: readonly Sample[] = [];
  try {
    await client.more(STEP);
    await killRole("api");
    await client.more(STEP);
    await killDatabase();
    await client.more(STEP);
    await killRole("probe-gh-accra");
    await client.more(STEP);
    // Once more, back to back, so that recovery meets recovery.
    await killDatabase();
    await killRole("api");
    await client.more(STEP);
  } finally {
    acked = await client.stop();
  }
  expect(acked.length).toBeGreaterThanOrEqual(5 * STEP);
  const stored = await storedSamples(stack);
  expect(stored.length, "rows beyond the client's list").toBe(acked.length);
  const byKey = new Map(stored.map((row) => [keyOf(row), row]));
  expect(byKey.size, "distinct keys").toBe(stored.length);
  const wrong = acked.filter((sent) => {
    const row = byKey.get(keyOf(sent));
    return JSON.stringify(row) !== JSON.stringify(sent);
  });
  expect(wrong).toEqual([]);
});

test("after those kills every role runs again and all three probes report", async () => {
  const startedAt = Date.now();
  await eventually("fresh rounds of three probes", async () => {
    const rounds = (await readMetrics(stack.apiUrl)) as { node_id: string; timestamp: string }[];
    const fresh = rounds.filter((round) => Date.parse(round.timestamp) > startedAt);
    return fresh.filter((round) => round.node_id.startsWith("probe-")).length === 3;
  });
  const { roles } = await stack.status();
  expect(roles.map((role) => role.state)).toEqual(roles.map(() => "running"));
  const restarts = new Map(roles.map((role) => [role.name, role.restarts]));
  expect(restarts.get("probe-gh-accra")).toBe(1);
  expect(restarts.get("dashboard")).toBe(0);
});

test("kill -9 of the supervisor: roles end, the next start adopts PostgreSQL and its data", async () => {
  const before = await stack.status();
  const server = before.database?.pid ?? 0;
  const count = (await storedSamples(stack)).length;
  const ended = once(supervisor, "exit");
  supervisor.kill("SIGKILL");
  await ended;
  const pids = before.roles.flatMap((role) => role.pid ?? []);
  await eventually("the end of every role", async () => pids.every((pid) => !isAlive(pid)));
  expect(isAlive(server), "PostgreSQL outlives the supervisor").toBe(true);

  supervisor = await stack.up();
  expect(stack.output()).toContain("found running");
  expect((await stack.status()).database?.pid).toBe(server);
  expect((await storedSamples(stack)).length).toBe(count);
  await eventually("three probes", async () => (await readMetrics(stack.apiUrl)).length >= 3);
});

test("kill -9 of the supervisor, then fiber down: nothing is left", async () => {
  supervisor.kill("SIGKILL");
  await once(supervisor, "exit");
  expect((await stack.fiber("down")).code).toBe(0);
  await eventually("the end of every process", async () => stack.processes().length === 0);
});

async function killRole(name: string): Promise<void> {
  const role = (await stack.status()).roles.find((each) => each.name === name);
  if (role?.pid == null) throw new Error(`${name} does not run`);
  process.kill(-role.pid, "SIGKILL");
  await eventually(`another life of ${name}`, async () => {
    const now = (await stack.status()).roles.find((each) => each.name === name);
    return now?.state === "running" && now.pid !== role.pid;
  });
}

async function killDatabase(): Promise<void> {
  const server = databasePid(await stack.status());
  process.kill(server, "SIGKILL");
  await eventually("another life of PostgreSQL", async () => {
    const now = databasePid(await stack.status());
    return now !== server && isAlive(now);
  });
}

function databasePid({ database }: Status): number {
  if (database === null) throw new Error("the stack has no database");
  return database.pid;
}
