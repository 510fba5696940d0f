import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { IngestLog, IngestTrace } from "#contracts";
import { createPool, deleteNode, downgrade, ensurePartitions, upgrade } from "#db";
import { createLogger } from "#runtime";
import { createTestDatabase, type TestDatabase } from "#testkit";
import { etlConfigSchema } from "../etl-config.js";
import {
  makeSample,
  readStored,
  testIngestLogConformance,
} from "../ingest-log-conformance.itest-kit.js";
import { createDirectLog } from "./direct-log.js";

const trace: IngestTrace = { requestId: "r-1", traceId: "t-1" };
const logger = createLogger({ role: "test", level: "silent" });

function openLog(url: string, env: Readonly<Record<string, string>> = {}): IngestLog {
  const config = etlConfigSchema.parse({ FIBER_DATABASE_URL: url, ...env });
  return createDirectLog({ config, log: logger });
}

testIngestLogConformance("direct", async () => {
  const database = await createTestDatabase();
  const log = openLog(database.url);
  return {
    log,
    pool: database.pool,
    openAnother: () => openLog(database.url),
    applied: async () => undefined,
    async end() {
      await log.close();
      await database.drop();
    },
  };
});

describe("createDirectLog", () => {
  let database: TestDatabase;
  let log: IngestLog;
  beforeEach(async () => {
    database = await createTestDatabase();
    log = openLog(database.url);
  });
  afterEach(async () => {
    await log.close();
    await database.drop();
  });

  it("makes the partition that a sample needs, and refuses one that no partition is for", async () => {
    const partitions =
      "SELECT count(*)::int AS n FROM pg_inherits WHERE inhparent = 'samples'::regclass";
    expect((await database.pool.query(partitions)).rows).toEqual([{ n: 0 }]);
    const good = makeSample();
    const ancient = makeSample({ timeMs: good.timeMs - 30 * 86_400_000 });
    const [stored, refused] = await Promise.allSettled([
      log.append([good], trace),
      log.append([ancient], trace),
    ]);
    expect(stored).toMatchObject({ status: "fulfilled", value: { kind: "stored" } });
    expect(refused).toMatchObject({ status: "rejected", reason: { code: "INVALID_SAMPLE" } });
    expect(await readStored(database.pool)).toEqual([good]);
    expect((await database.pool.query(partitions)).rows).toEqual([{ n: 15 }]);
  });

  it("fails only the append whose rows the database refuses", async () => {
    const base = Date.now();
    const appends = Array.from({ length: 60 }, (_, index) =>
      makeSample({
        timeMs: base - index,
        // jsonb takes no NUL character.
        metadata: index % 20 === 7 ? '{"bad": "\\u0000"}' : '{"good": 1}',
      }),
    );
    await log.append([makeSample({ timeMs: base - 1_000 })], trace);
    const outcomes = await Promise.allSettled(appends.map((one) => log.append([one], trace)));
    const failed = outcomes.flatMap((o, index) => (o.status === "rejected" ? [index] : []));
    expect(failed).toEqual([7, 27, 47]);
    expect(outcomes[7]).toMatchObject({ reason: { code: "INVALID_SAMPLE" } });
    expect(await readStored(database.pool)).toHaveLength(58);
  });

  it("fails only the append whose names the database refuses", async () => {
    const outcomes = await Promise.allSettled([
      log.append([makeSample({ nodeId: "good-1" })], trace),
      log.append([makeSample({ nodeId: "bad/../node" })], trace),
      log.append([makeSample({ nodeId: "good-2" })], trace),
    ]);
    expect(outcomes.map((outcome) => outcome.status)).toEqual([
      "fulfilled",
      "rejected",
      "fulfilled",
    ]);
    expect(await readStored(database.pool)).toHaveLength(2);
  });

  it("refuses a node that was deleted while its series were known", async () => {
    expect(await log.append([makeSample()], trace)).toEqual({ kind: "stored" });
    await deleteNode(database.pool, "conformance-node");
    await until(async () => (await log.append([makeSample()], trace)).kind === "node-deleted");
  });

  it("refuses what would exceed its memory, and takes more once that is stored", async () => {
    await log.close();
    log = openLog(database.url, { FIBER_INGEST_MAX_SAMPLES: "1000" });
    const base = Date.now();
    const batch = (index: number) =>
      Array.from({ length: 500 }, (_, i) => makeSample({ timeMs: base - index * 1_000 - i }));
    const outcomes = await Promise.all(
      Array.from({ length: 6 }, (_, index) => log.append(batch(index), trace)),
    );
    expect(outcomes.filter((outcome) => outcome.kind === "stored")).toHaveLength(2);
    expect(outcomes.at(-1)).toMatchObject({ code: "OVERLOADED", retryAfterS: 1 });
    await until(async () => (await log.append(batch(9), trace)).kind === "stored");
    expect(await readStored(database.pool)).toHaveLength(1_500);
  });

  it("honours the fence, for appends that were under way too", async () => {
    let sent = 0;
    const base = Date.now();
    let stop = false;
    const accepted: number[] = [];
    const pump = async () => {
      while (!stop) {
        const timeMs = base - sent++;
        const outcome = await log.append([makeSample({ timeMs })], trace);
        if (outcome.kind === "stored") accepted.push(timeMs);
        else await new Promise((resolve) => setTimeout(resolve, 5));
      }
    };
    const pumps = Array.from({ length: 8 }, pump);
    await until(async () => accepted.length > 200);
    await database.pool.query(
      `INSERT INTO ingest_fence (reason, raised_by, expires_at)
       VALUES ('test', 'test', clock_timestamp() + interval '1 h')`,
    );
    // 100 ms are promised; a loaded machine may take longer to commit what had begun.
    await new Promise((resolve) => setTimeout(resolve, 500));
    const { rows: before } = await database.pool.query("SELECT count(*)::int AS n FROM samples");
    await new Promise((resolve) => setTimeout(resolve, 300));
    const { rows: after } = await database.pool.query("SELECT count(*)::int AS n FROM samples");
    expect(after).toEqual(before);
    expect(log.status().fenced).toBe(true);
    await database.pool.query("DELETE FROM ingest_fence");
    const refusedUntil = accepted.length;
    await until(async () => accepted.length > refusedUntil);
    stop = true;
    await Promise.all(pumps);
    const stored = await readStored(database.pool);
    expect(stored.map((sample) => sample.timeMs)).toEqual(accepted.toSorted((a, b) => a - b));
  });

  it("goes on after its tables were taken down to base and made again, ids and all", async () => {
    const filler = Array.from({ length: 5 }, (_, i) => makeSample({ nodeId: `old-${i}` }));
    await log.append(filler, trace);
    await log.append([makeSample()], trace);
    await downgrade({ connectionString: database.url, target: "base" });
    expect(await log.append([makeSample()], trace)).toMatchObject({ code: "DATABASE_UNAVAILABLE" });
    await upgrade({ connectionString: database.url });
    const after = makeSample({ nodeId: "new-node" });
    await until(async () => (await log.append([after], trace)).kind === "stored");
    const again = makeSample();
    expect(await log.append([again], trace)).toEqual({ kind: "stored" });
    expect(await readStored(database.pool)).toEqual([again, after]);
  });

  it("never writes old ids into tables that were replaced between two looks", async () => {
    await log.append([makeSample({ nodeId: "a" }), makeSample({ nodeId: "b" })], trace);
    await database.pool.query(`
      TRUNCATE samples; ALTER TABLE series RENAME TO series_old;
      CREATE TABLE series (LIKE series_old INCLUDING ALL);
      ALTER TABLE series ADD FOREIGN KEY (node_id) REFERENCES nodes`);
    const outcome = await log.append([makeSample({ nodeId: "b" })], trace);
    expect(outcome).toMatchObject({ kind: "refused", code: "DATABASE_UNAVAILABLE" });
    expect((await database.pool.query("SELECT FROM samples")).rowCount).toBe(0);
    const sample = makeSample({ nodeId: "b" });
    await until(async () => (await log.append([sample], trace)).kind === "stored");
    expect(await readStored(database.pool)).toEqual([sample]);
  });

  it("goes on after its connections were ended, keeping every acknowledged sample", async () => {
    const base = Date.now();
    const accepted: number[] = [];
    const ended = endConnections(database.pool);
    for (let index = 0; index < 300; index++) {
      const timeMs = base - index;
      const outcome = await log.append([makeSample({ timeMs })], trace);
      if (outcome.kind === "stored") accepted.push(timeMs);
      else await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await ended;
    await until(async () => (await log.append([makeSample()], trace)).kind === "stored");
    const stored = new Set((await readStored(database.pool)).map((sample) => sample.timeMs));
    expect(accepted.filter((timeMs) => !stored.has(timeMs))).toEqual([]);
    expect(accepted.length).toBeGreaterThan(50);
  });

  it("finds the database that took the name of the one it knew", async () => {
    await log.append([makeSample({ nodeId: "first" }), makeSample({ nodeId: "second" })], trace);
    const beside = await createTestDatabase();
    await ensurePartitions(beside.pool, { nowMs: Date.now() });
    await swapNames(database, beside);
    const sample = makeSample({ nodeId: "second" });
    await until(async () => (await log.append([sample], trace)).kind === "stored");
    const taken = createPool({
      connectionString: database.url,
      applicationName: "t",
      onError() {},
    });
    expect(await readStored(taken)).toEqual([sample]);
    await taken.end();
    await beside.drop();
  });

  it("stores by its other connection while one is stuck behind a lock", async () => {
    const base = Date.now();
    await log.append([makeSample({ timeMs: base })], trace);
    const locker = await database.pool.connect();
    await locker.query("BEGIN");
    await locker.query(
      `INSERT INTO samples (series_id, time, packet_loss, uptime_pct)
       SELECT series_id, $1, 0, 100 FROM series`,
      [new Date(base + 1)],
    );
    const stuck = log.append([makeSample({ timeMs: base + 1 })], trace);
    await until(async () => {
      const { rows } = await database.pool.query(
        `SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock'
            AND application_name LIKE 'fiber-ingest-writer%' AND datname = current_database()`,
      );
      return rows.length > 0;
    });
    expect(await log.append([makeSample({ timeMs: base + 2 })], trace)).toEqual({ kind: "stored" });
    await locker.query("COMMIT");
    locker.release();
    expect(await stuck).toEqual({ kind: "stored" });
    expect(await readStored(database.pool)).toHaveLength(3);
  });

  it("announces the nodes that got samples", async () => {
    const client = await database.pool.connect();
    const heard: string[] = [];
    client.on("notification", (message) => heard.push(message.payload ?? ""));
    await client.query("LISTEN fiber_changes");
    await log.append([makeSample()], trace);
    await until(async () => heard.length > 0);
    expect(JSON.parse(heard[0] ?? "")).toEqual({ kind: "samples", ids: ["conformance-node"] });
    client.release(true);
  });

  it("raises marks for late samples only, in the same transaction", async () => {
    const now = Date.now();
    await log.append([makeSample({ timeMs: now })], trace);
    expect((await database.pool.query("SELECT * FROM rollup_due")).rows).toEqual([]);
    const late = now - 2 * 86_400_000;
    await log.append([makeSample({ timeMs: late }), makeSample({ timeMs: late + 1 })], trace);
    const { rows } = await database.pool.query(
      "SELECT width, bucket, marks FROM rollup_due ORDER BY width DESC",
    );
    const hour = Math.floor(late / 3_600_000) * 3_600_000;
    const day = Math.floor(late / 86_400_000) * 86_400_000;
    expect(rows).toEqual([
      { width: "hourly", bucket: new Date(hour), marks: "1" },
      { width: "daily", bucket: new Date(day), marks: "1" },
    ]);
  });
});

it("refuses while there is no database, and stores once there is", async () => {
  const database = await createTestDatabase({ template: null });
  const log = openLog(database.url);
  const outcome = await log.append([makeSample()], trace);
  expect(outcome).toMatchObject({ kind: "refused", code: "DATABASE_UNAVAILABLE" });
  await upgrade({ connectionString: database.url });
  await until(async () => (await log.append([makeSample()], trace)).kind === "stored");
  await log.close();
  await database.drop();
});

async function endConnections(pool: TestDatabase["pool"]): Promise<void> {
  for (let round = 0; round < 3; round++) {
    await pool.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND application_name LIKE 'fiber-ingest-writer%'`,
    );
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
}

/** Ends all sessions of both and gives the second one the first one's name, and back to front. */
async function swapNames(first: TestDatabase, second: TestDatabase): Promise<void> {
  const server = new URL(first.url);
  const [a, b] = [first.url, second.url].map((url) => new URL(url).pathname.slice(1));
  server.pathname = "/postgres";
  const admin = createPool({ connectionString: server.href, applicationName: "t", onError() {} });
  const end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname IN ($1, $2)";
  const client = await admin.connect();
  for (let renamed = false; !renamed; ) {
    await client.query(end, [a, b]);
    renamed = await client
      .query(
        `ALTER DATABASE ${a} RENAME TO ${a}_old; ALTER DATABASE ${b} RENAME TO ${a};
         ALTER DATABASE ${a}_old RENAME TO ${b}`,
      )
      .then(
        () => true,
        (err: { code?: string }) => {
          if (err.code !== "55006") throw err;
          return false;
        },
      );
  }
  client.release();
  await admin.end();
}

/** Waits until a condition holds; the test's own time-out ends it. */
async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 20));
}
