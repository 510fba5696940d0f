import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { downgrade, upgrade } from "#db";
import { createLogger } from "#runtime";
import { createTestDatabase, type TestDatabase } from "#testkit";
import { etlConfigSchema } from "../etl-config.js";
import { startUpkeep } from "./start-upkeep.js";

const log = createLogger({ role: "test", level: "silent" });
let database: TestDatabase;
beforeEach(async () => {
  database = await createTestDatabase();
});
afterEach(() => database.drop());

function configOf(url: string) {
  return etlConfigSchema.parse({ FIBER_DATABASE_URL: url });
}

async function addNode(nodeId: string, state = "HEALTHY"): Promise<void> {
  await database.pool.query(
    "INSERT INTO nodes (node_id, country, region, state) VALUES ($1, 'GH', 'Accra', $2)",
    [nodeId, state],
  );
}

async function stateOf(nodeId: string): Promise<string | undefined> {
  const { rows } = await database.pool.query<{ state: string }>(
    "SELECT state FROM nodes WHERE node_id = $1",
    [nodeId],
  );
  return rows[0]?.state;
}

describe("startUpkeep", () => {
  it("makes partitions before it returns, then decides states and tells of them", async () => {
    const listener = await database.pool.connect();
    const heard: string[] = [];
    listener.on("notification", (message) => heard.push(message.payload ?? ""));
    await listener.query("LISTEN fiber_changes");
    await addNode("silent");
    const upkeep = await startUpkeep({ config: configOf(database.url), log });
    const { rows } = await database.pool.query(
      "SELECT count(*)::int AS n FROM pg_inherits WHERE inhparent = 'samples'::regclass",
    );
    expect(rows).toEqual([{ n: 15 }]);
    await until(async () => (await stateOf("silent")) === "STALE");
    await until(async () => heard.length >= 2);
    expect(heard.map((text) => JSON.parse(text))).toEqual([
      { kind: "nodes", ids: ["silent"] },
      { kind: "posture", ids: [] },
    ]);
    await upkeep.stop();
    listener.release(true);
  });

  it("rolls up closed hours that nobody marked, after a pause of the whole stack", async () => {
    const upkeepBefore = await startUpkeep({ config: configOf(database.url), log });
    await upkeepBefore.stop();
    await addNode("n");
    await database.pool.query(`
      INSERT INTO series (node_id) VALUES ('n');
      INSERT INTO samples (series_id, time, latency_ms, packet_loss, uptime_pct)
      SELECT 1, now() - interval '25 h' + i * interval '1 min', i, 0, 100
        FROM generate_series(0, 179) AS i`);
    const upkeep = await startUpkeep({ config: configOf(database.url), log });
    const sum = "SELECT coalesce(sum(samples), 0)::int AS n FROM rollup_hourly";
    await until(async () => (await database.pool.query(sum)).rows[0]?.n === 180);
    await until(async () => (await database.pool.query("SELECT FROM rollup_due")).rowCount === 0);
    await upkeep.stop();
  });

  it("waits for tables that are not there yet, and goes on when they are taken and remade", async () => {
    const empty = await createTestDatabase({ template: null });
    const upkeep = await startUpkeep({ config: configOf(empty.url), log });
    const posture = async () => (await empty.pool.query("SELECT FROM posture")).rowCount;
    await upgrade({ connectionString: empty.url });
    await until(async () => (await posture()) === 1);
    await downgrade({ connectionString: empty.url, target: "base" });
    await upgrade({ connectionString: empty.url });
    await until(async () => (await posture()) === 1);
    await upkeep.stop();
    await empty.drop();
  });

  it("goes on after its connections were ended", async () => {
    const upkeep = await startUpkeep({ config: configOf(database.url), log });
    await addNode("first");
    await until(async () => (await stateOf("first")) === "STALE");
    await database.pool.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE application_name = 'fiber-upkeep' AND datname = current_database()`,
    );
    await addNode("second");
    await until(async () => (await stateOf("second")) === "STALE");
    await upkeep.stop();
  });

  it("stops within seconds though a duty is stuck behind a lock", async () => {
    const upkeep = await startUpkeep({ config: configOf(database.url), log });
    const locker = await database.pool.connect();
    await locker.query("BEGIN; LOCK TABLE nodes IN ACCESS EXCLUSIVE MODE");
    await until(async () => {
      const { rows } = await database.pool.query(
        `SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock'
            AND application_name = 'fiber-upkeep' AND datname = current_database()`,
      );
      return rows.length > 0;
    });
    await upkeep.stop();
    await locker.query("ROLLBACK");
    locker.release();
  });
});

describe("leadership", () => {
  const children: ChildProcess[] = [];
  afterEach(() => {
    for (const child of children.splice(0)) child.kill("SIGKILL");
  });

  async function startProcess(): Promise<ChildProcess> {
    const child = fork(join(import.meta.dirname, "upkeep-process.itest-kit.ts"), {
      execArgv: ["--import", "tsx", "--conditions=source"],
      env: { ...process.env, FIBER_DATABASE_URL: database.url },
    });
    children.push(child);
    await once(child, "message");
    return child;
  }

  async function leaderPids(): Promise<readonly number[]> {
    const { rows } = await database.pool.query<{ pid: number }>(
      `SELECT l.pid FROM pg_locks l JOIN pg_stat_activity a USING (pid)
        WHERE locktype = 'advisory' AND granted AND application_name = 'fiber-upkeep-leader'
          AND l.objid = hashtext(current_database())::int8::bit(32)::int8::oid`,
    );
    return rows.map((row) => row.pid);
  }

  it("is one process's, and another's when that one is killed", async () => {
    const first = await startProcess();
    await until(async () => (await leaderPids()).length === 1);
    const [before] = await leaderPids();
    await startProcess();
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(await leaderPids()).toEqual([before]);
    first.kill("SIGKILL");
    await until(async () => {
      const [now] = await leaderPids();
      return now !== undefined && now !== before;
    });
    await addNode("after");
    await until(async () => (await stateOf("after")) === "STALE");
  });
});

/** Waits until a condition holds; the test's own time-out ends it. */
async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 50));
}
