import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { freePort } from "#testkit";
import { keyOf, type Sample, startLoad, storedSamples } from "./load-list.js";
import {
  createTestStack,
  eventually,
  isAlive,
  isListening,
  readMetrics,
  type TestStack,
} from "./test-stack.js";

/** Acknowledged samples that must come in after a kill before the next one. */
const STEP = 1_000;

let stack: TestStack;
let natsPort: number;

beforeAll(async () => {
  natsPort = await freePort();
  stack = await createTestStack({
    FIBER_PUSH_PER_MIN: "0",
    FIBER_INGEST_LOG: "jetstream",
    FIBER_NATS_PORT: String(natsPort),
    FIBER_QUEUE_MAX_MB: "256",
  });
  await stack.up();
});
afterAll(() => stack.cleanUp());

interface Ingest {
  readonly log: string;
  readonly lag_s: number;
  readonly depth: number;
  readonly queue: {
    readonly connected: boolean;
    readonly consumers: number;
    readonly dead: number;
  };
}

async function readIngest(): Promise<Ingest> {
  const answer = await fetch(`${stack.apiUrl}/api/status`);
  const body = (await answer.json()) as { data: { ingest: Ingest } };
  return body.data.ingest;
}

async function natsPid(): Promise<number> {
  return Number(readFileSync(join(stack.stateDir, "nats", "nats.pid"), "utf8"));
}

async function killRole(name: string): Promise<void> {
  const { roles } = await stack.status();
  const pid = roles.find((role) => role.name === name)?.pid;
  if (pid == null) throw new Error(`${name} does not run: ${JSON.stringify(roles)}`);
  process.kill(pid, "SIGKILL");
}

test("fiber up with JetStream shows three live probes, and the stream in status and metrics", async () => {
  await eventually("rounds of three probes", async () => {
    const nodes = (await readMetrics(stack.apiUrl)).map((round) => round.node_id);
    return nodes.filter((node) => node.startsWith("probe-")).length === 3;
  });
  const { roles } = await stack.status();
  expect(roles.map((role) => role.name)).toEqual(expect.arrayContaining(["queue", "etl", "api"]));
  const ingest = await eventually("a writer", async () => {
    const now = await readIngest();
    return now.queue?.consumers === 1 && now.depth === 0 ? now : null;
  });
  expect(ingest).toMatchObject({ log: "jetstream", queue: { connected: true, dead: 0 } });
  const metrics = await (await fetch(`${stack.apiUrl}/metrics`)).text();
  expect(metrics).toMatch(/^fiber_queue_connected 1$/m);
  expect(metrics).toMatch(/^fiber_queue_consumers 1$/m);
  expect(metrics).toMatch(/^fiber_ingest_depth \d+$/m);
});

test("fiber doctor says what an acknowledgement of this server is worth", async () => {
  const { stdout, code } = await stack.fiber("doctor", "--json");
  expect(code).toBe(0);
  const findings = JSON.parse(stdout) as { what: string; level: string; found: string }[];
  const durability = findings.find((finding) => finding.what === "durability");
  const version = /nats-server (\d+)\.(\d+)/.exec(durability?.found ?? "");
  const syncs = Number(version?.[1]) > 2 || Number(version?.[2]) >= 10;
  expect(durability).toMatchObject({ level: syncs ? "ok" : "warning" });
  expect(findings.find((finding) => finding.what === `port ${natsPort}`)).toMatchObject({
    level: "ok",
  });
});

test("kill -9 of API, writer, nats-server and PostgreSQL under load: every 202 is stored exactly once", async () => {
  const client = await startLoad(stack, "load");
  let acked: readonly Sample[] = [];
  try {
    await client.more(STEP);
    await killRole("api");
    await client.more(STEP);
    await killRole("etl");
    await client.more(STEP);
    process.kill(await natsPid(), "SIGKILL");
    await client.more(STEP);
    const { database } = await stack.status();
    process.kill(database?.pid ?? 0, "SIGKILL");
    await client.more(STEP);
    await killRole("queue");
    await killRole("api");
    await client.more(STEP);
  } finally {
    acked = await client.stop();
  }
  await eventually("everything stored", async () => {
    const { depth, queue } = await readIngest();
    return depth === 0 && queue.connected && (await storedSamples(stack)).length >= acked.length;
  });
  const stored = await storedSamples(stack);
  expect(stored.length, "rows beyond the client's list").toBe(acked.length);
  const byKey = new Map(stored.map((row) => [keyOf(row), row]));
  const wrong = acked.filter((sent) => {
    return JSON.stringify(byKey.get(keyOf(sent))) !== JSON.stringify(sent);
  });
  expect(wrong).toEqual([]);
});

test("what was stored is replayed by hand, and nothing is stored twice", async () => {
  const before = (await storedSamples(stack)).length;
  const planned = await stack.fiber("etl", "replay", "--since", "1h", "--dry-run", "--json");
  expect(JSON.parse(planned.stdout).messages).toBeGreaterThan(10);
  const done = await stack.fiber("etl", "replay", "--since", "1h", "--json");
  expect(done).toMatchObject({ code: 0 });
  expect(JSON.parse(done.stdout)).toMatchObject({ inserted: 0 });
  expect(JSON.parse(done.stdout).samples).toBeGreaterThanOrEqual(before);
  expect((await storedSamples(stack)).length).toBe(before);
  expect((await stack.fiber("etl", "dead", "list")).stdout.trim()).toBe("No dead letters.");
});

test("fiber down ends everything, the writer before nats-server", async () => {
  const pid = await natsPid();
  expect((await stack.fiber("down")).code).toBe(0);
  expect(stack.processes()).toEqual([]);
  expect(isAlive(pid)).toBe(false);
  expect(await isListening(natsPort)).toBe(false);
  const ended = (role: string) => {
    const lines = readFileSync(join(stack.stateDir, "logs", `${role}.log`), "utf8").split("\n");
    const last = lines.filter((line) => line.includes('"stopped"')).at(-1) ?? "{}";
    return Date.parse((JSON.parse(last) as { time: string }).time);
  };
  expect(ended("api")).toBeLessThanOrEqual(ended("etl"));
  expect(ended("etl")).toBeLessThanOrEqual(ended("queue"));
});
