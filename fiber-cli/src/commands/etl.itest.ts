import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { Sample } from "#contracts";
import { ensurePartitions } from "#db";
import { createJetStreamLog, etlConfigSchema, runQueueServer, startEtl } from "#etl";
import { createLogger, packageRoot, runCommand, systemClock } from "#runtime";
import { createTestDatabase, freePort, type TestDatabase } from "#testkit";

vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

const log = createLogger({ role: "test", level: "silent" });
let database: TestDatabase;
let folder: string;
let nats: Awaited<ReturnType<typeof runQueueServer>>;
let config: ReturnType<typeof etlConfigSchema.parse>;

beforeAll(async () => {
  database = await createTestDatabase();
  await ensurePartitions(database.pool, { nowMs: Date.now() });
  folder = mkdtempSync(join(tmpdir(), "fiber-etl-cli-"));
  nats = await runQueueServer({
    config: { FIBER_NATS_PORT: await freePort(), FIBER_QUEUE_MAX_MB: 64 },
    stateDir: folder,
    log,
    clock: systemClock,
    output: "ignore",
    onEnded: () => undefined,
  });
  config = etlConfigSchema.parse({
    FIBER_DATABASE_URL: database.url,
    FIBER_NATS_URL: nats.url,
    FIBER_QUEUE_MAX_MB: "64",
  });
});
afterAll(async () => {
  await nats.stop();
  await database.drop();
  rmSync(folder, { recursive: true, force: true });
});

/** Runs `fiber …` as its users do; it finds the local server by its state folder. */
function fiber(...args: string[]) {
  const main = ["--import", "tsx", "--conditions=source", "fiber-cli/src/main.ts"];
  return runCommand([process.execPath, ...main, ...args], {
    cwd: packageRoot,
    env: {
      FIBER_DATABASE_URL: database.url,
      FIBER_STATE_DIR: folder,
      FIBER_QUEUE_MAX_MB: "64",
      NO_COLOR: "1",
    },
  });
}

/** Appends one sample of each node and waits until a writer has dealt with them. */
async function store(nodeIds: readonly string[], timeMs: number): Promise<void> {
  const ingest = createJetStreamLog({ config, log });
  const etl = await startEtl({ config, log });
  const samples = nodeIds.map((nodeId) => sampleOf(nodeId, timeMs));
  const trace = { requestId: "r", traceId: "t" };
  await vi.waitUntil(async () => (await ingest.append(samples, trace)).kind === "stored", {
    timeout: 60_000,
  });
  await vi.waitUntil(() => ingest.status().depth === 0 && etl.counts().stored > 0, {
    timeout: 60_000,
  });
  await ingest.close();
  await etl.stop();
}

async function rows(): Promise<number> {
  const { rows } = await database.pool.query("SELECT count(*)::int AS n FROM samples");
  return rows[0]?.n;
}

test("what was deleted comes back by replay, and only that", async () => {
  await store(["a", "b", "c"], Date.now());
  expect(await rows()).toBe(3);
  await database.pool.query(
    "DELETE FROM samples USING series WHERE series.series_id = samples.series_id AND node_id = 'b'",
  );
  const planned = await fiber("etl", "replay", "--since", "1h", "--dry-run");
  expect(planned).toMatchObject({ exitCode: 0 });
  expect(planned.stdout).toMatch(/Would replay \d+ messages/);
  expect(await rows()).toBe(2);
  const done = await fiber("etl", "replay", "--since", "1h", "--json");
  expect(JSON.parse(done.stdout)).toMatchObject({ inserted: 1 });
  expect(await rows()).toBe(3);
  const again = await fiber("etl", "replay", "--since", "1h");
  expect(again.stdout).toMatch(/of which 0 were missing/);
  expect((await fiber("etl", "replay", "--since", "later")).exitCode).toBe(2);
});

test("a replay is refused while ingest is fenced", async () => {
  await database.pool.query(
    `INSERT INTO ingest_fence (reason, raised_by, expires_at)
     VALUES ('test', 'test', clock_timestamp() + interval '1 h')`,
  );
  const refused = await fiber("etl", "replay", "--since", "1h");
  expect(refused.exitCode).toBe(3);
  expect(refused.stderr).toMatch(/fenced/);
  await database.pool.query("DELETE FROM ingest_fence");
});

test("dead letters are listed, put back when their node is there again, and dropped", async () => {
  await database.pool.query("UPDATE nodes SET deleted_at = now() WHERE node_id = 'a'");
  const publishing = createJetStreamLog({ config: { ...config, ...noDatabase() }, log });
  const timeMs = Date.now();
  const trace = { requestId: "r", traceId: "t" };
  await vi.waitUntil(
    async () => {
      const outcome = await publishing.append([sampleOf("a", timeMs)], trace);
      return outcome.kind === "stored";
    },
    { timeout: 60_000 },
  );
  await publishing.close();
  await store(["b"], timeMs);
  const listed = JSON.parse((await fiber("etl", "dead", "list", "--json")).stdout);
  expect(listed).toMatchObject({
    total: 1,
    entries: [{ id: 1, reason: "NODE_DELETED", samples: 1, nodes: ["a"] }],
  });
  expect((await fiber("etl", "dead", "list")).stdout).toMatch(/NODE_DELETED/);
  expect((await fiber("etl", "dead", "replay")).exitCode).toBe(2);
  expect((await fiber("etl", "dead", "replay", "9")).exitCode).toBe(3);
  await database.pool.query("UPDATE nodes SET deleted_at = NULL WHERE node_id = 'a'");
  const before = await rows();
  expect((await fiber("etl", "dead", "replay", "1", "--dry-run")).stdout).toMatch(/put back 1/);
  expect((await fiber("etl", "dead", "replay", "1")).stdout).toMatch(/^Put back 1/);
  await store(["c"], timeMs + 1);
  expect(await rows()).toBe(before + 2);
  expect((await fiber("etl", "dead", "drop", "--all", "--yes")).stdout).toMatch(/^Dropped 0/);
});

/** An API that cannot ask the database: it accepts what only the writer can judge. */
function noDatabase() {
  return { FIBER_DATABASE_URL: "postgres://nobody@127.0.0.1:1/none" };
}

function sampleOf(nodeId: string, timeMs: number): Sample {
  return {
    nodeId,
    timeMs,
    target: "",
    check: "",
    country: "GH",
    region: "Accra",
    latencyMs: 1,
    latencyMinMs: null,
    latencyMaxMs: null,
    jitterMs: null,
    sent: null,
    received: null,
    uptimePct: 100,
    packetLoss: 0,
    metadata: null,
  };
}
