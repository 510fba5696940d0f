import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
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
  const client = await startClient();
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
    await client.stop();
  }
  const acked = client.acked();
  expect(acked.length).toBeGreaterThanOrEqual(5 * STEP);
  const stored = await storedSamples();
  expect(stored.length, "rows beyond the client's list").toBe(acked.length);
  const byKey = new Map(stored.map((row) => [`${row[0]} ${row[1]}`, row]));
  expect(byKey.size, "distinct keys").toBe(stored.length);
  const wrong = acked.filter((sent) => {
    const row = byKey.get(`${sent[0]} ${sent[1]}`);
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
  const count = (await storedSamples()).length;
  const ended = once(supervisor, "exit");
  supervisor.kill("SIGKILL");
  await ended;
  const pids = before.roles.flatMap((role) => role.pid ?? []);
  await eventually("the end of every role", async () => pids.every((pid) => !isAlive(pid)));
  expect(isAlive(server), "PostgreSQL outlives the supervisor").toBe(true);

  supervisor = await stack.up();
  expect(stack.output()).toContain("found running");
  expect((await stack.status()).database?.pid).toBe(server);
  expect((await storedSamples()).length).toBe(count);
  await eventually("three probes", async () => (await readMetrics(stack.apiUrl)).length >= 3);
});

test("kill -9 of the supervisor, then fiber down: nothing is left", async () => {
  supervisor.kill("SIGKILL");
  await once(supervisor, "exit");
  expect((await stack.fiber("down")).code).toBe(0);
  await eventually("the end of every process", async () => stack.processes().length === 0);
});

type Sample = [target: string, timeMs: number, latencyMs: number, loss: number, run: number];

/** Every sample of the client's node, in the client's own shape. */
async function storedSamples(): Promise<Sample[]> {
  const pgpass = readFileSync(join(stack.stateDir, "pgpass"), "utf8");
  const password = pgpass.split("\n")[0]?.split(":").at(-1);
  const client = new pg.Client({
    host: "127.0.0.1",
    port: stack.ports.pg,
    user: "postgres",
    database: "fiberstack",
    ...(password === undefined ? {} : { password }),
  });
  await client.connect();
  try {
    const { rows } = await client.query<Sample>({
      text: `SELECT s.target, (extract(epoch FROM x.time) * 1000)::float8, x.latency_ms,
                    x.packet_loss, (x.metadata ->> 'run')::int
             FROM samples x JOIN series s USING (series_id) WHERE s.node_id = 'load-node'`,
      rowMode: "array",
    });
    return rows;
  } finally {
    await client.end();
  }
}

async function startClient() {
  const ackedFile = join(stack.stateDir, "acked.json");
  const script = join(import.meta.dirname, "load-client.ts");
  const child = spawn(
    process.execPath,
    ["--import", "tsx", script, stack.apiUrl, join(stack.stateDir, "admin.token"), ackedFile],
    { cwd: join(import.meta.dirname, ".."), stdio: ["ignore", "pipe", "pipe"] },
  );
  let count = 0;
  let complaint = "";
  child.stdout.on("data", (chunk: Buffer) => {
    count = Number(chunk.toString().trim().split("\n").at(-1));
  });
  child.stderr.on("data", (chunk: Buffer) => {
    complaint += chunk.toString();
  });
  const ended = once(child, "exit");
  return {
    /** Waits for this many more acknowledged samples. */
    async more(samples: number) {
      const goal = count + samples;
      await eventually(`${goal} acknowledged samples`, async () => {
        if (child.exitCode !== null) throw new Error(`the client ended: ${complaint}`);
        return count >= goal;
      });
    },
    async stop() {
      child.kill("SIGTERM");
      expect(await ended, complaint).toEqual([0, null]);
    },
    acked: () => JSON.parse(readFileSync(ackedFile, "utf8")) as Sample[],
  };
}

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
