import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { IngestLog } from "#contracts";
import {
  createPool,
  type DbPool,
  ensurePartitions,
  inTransaction,
  listGaps,
  startEmbeddedPostgres,
  upgrade,
} from "#db";
import { createLogger, mustRun, type Running } from "#runtime";
import { type ScratchPostgres, startScratchPostgres } from "#testkit";
import type { EtlConfig } from "../etl-config.js";
import { makeSample, readStored } from "../ingest-log-conformance.itest-kit.js";
import { type ScratchNats, startScratchNats } from "../nats-server/scratch-nats.itest-kit.js";
import { startLoad } from "../queue/load.itest-kit.js";
import {
  countDead,
  openStageLog,
  stageConfig,
  startStageEtl,
  trace,
  until,
  whenApplied,
  withQueue,
} from "../queue/queue-stage.itest-kit.js";
import { SAMPLES } from "../queue/stream-names.js";

const AWAY_MS = 60_000;

const logger = createLogger({ role: "test", level: "silent" });

// Servers come and go, on a machine that may be busy.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

let server: ScratchPostgres;
let pid: number;
let url: string;
let pool: DbPool;
let nats: ScratchNats;
let config: EtlConfig;
let log: IngestLog;
let etl: Running;

beforeEach(async () => {
  server = await startScratchPostgres();
  pid = server.pid;
  url = server.url("fiberstack");
  await upgrade({ connectionString: url });
  pool = openPool();
  await ensurePartitions(pool, { nowMs: Date.now() });
  nats = await startScratchNats();
  config = stageConfig({ database: url, nats: nats.url });
  etl = await startStageEtl(config);
  log = await openStageLog(config);
});
afterEach(async () => {
  await log.close();
  await etl.stop();
  await nats.remove();
  await pool.end();
  await server.remove();
});

function openPool(): DbPool {
  return createPool({ connectionString: url, applicationName: "test", onError() {} });
}

async function startAgain(): Promise<void> {
  const { stateDir, port } = server;
  pid = (await startEmbeddedPostgres({ stateDir, port, log: logger })).pid;
}

/** Runs statements in the server's database `postgres`. */
async function onServer(...statements: readonly string[]): Promise<void> {
  const admin = createPool({
    connectionString: server.url("postgres"),
    applicationName: "test",
    onError() {},
  });
  for (const statement of statements) await admin.query(statement);
  await admin.end();
}

describe("PostgreSQL", () => {
  it("away for a minute under load: samples are taken all the while, and all are stored once when it is back", async () => {
    const load = startLoad(log, 100);
    await load.more(500);
    process.kill(pid, "SIGKILL");
    const refusals = load.refusals();
    const before = load.acknowledged();
    await new Promise((resolve) => setTimeout(resolve, AWAY_MS));
    expect(load.acknowledged()).toBeGreaterThan(before + 1_000);
    expect(load.refusals()).toBe(refusals);
    const { depth, lagS, queue } = log.status();
    expect(depth).toBeGreaterThan(100);
    expect(lagS).toBeGreaterThan(0.9 * (AWAY_MS / 1_000));
    expect(queue).toMatchObject({ connected: true, consumers: null });
    await startAgain();
    await load.more(500);
    await load.stop();
    await whenApplied(config, pool);
    await load.expectExact(pool);
    await until(async () => log.status().depth === 0);
  });

  it("killed three times under load: every acknowledged sample is stored once", async () => {
    const load = startLoad(log);
    for (let kill = 0; kill < 3; kill++) {
      await load.more(500);
      process.kill(pid, "SIGKILL");
      await startAgain();
    }
    await load.more(500);
    await load.stop();
    await whenApplied(config, pool);
    await load.expectExact(pool);
  });

  it("restored from a dump, the damaged database gone: the log replays by itself, exact again", async () => {
    const load = startLoad(log);
    await load.more(1_000);
    const dump = join(server.stateDir, "older.dump");
    await mustRun(["pg_dump", "-Fc", "-f", dump, "-d", url]);
    await load.more(3_000);
    await onServer('DROP DATABASE "fiberstack" WITH (FORCE)', 'CREATE DATABASE "restoring"');
    await mustRun(["pg_restore", "-d", server.url("restoring"), dump]);
    await onServer('ALTER DATABASE "restoring" RENAME TO "fiberstack"');
    rmSync(dump);
    await load.more(1_000);
    await load.stop();
    await whenApplied(config, pool);
    await load.expectExact(pool);
    expect(await listGaps(pool)).toEqual([]);
  });

  it("swapped for an older state without anybody's noticing: the log replays by itself", async () => {
    const load = startLoad(log);
    await load.more(1_000);
    await load.stop();
    await whenApplied(config, pool);
    expect((await readStored(pool)).length).toBeGreaterThanOrEqual(1_000);
    // In one step, as a restore is: no writer's connection breaks, no table changes its identity.
    await pool.query("TRUNCATE samples, ingest_applied");
    await whenApplied(config, pool);
    await load.expectExact(pool);
  });

  it("restored to before what the stream still holds: the gap is told with its bounds", async () => {
    const base = Date.now();
    const sample = (i: number) => makeSample({ timeMs: base - i });
    await log.append([sample(1)], trace);
    await whenApplied(config, pool);
    const older = await pool.query("SELECT * FROM ingest_applied");
    expect(older.rowCount).toBeGreaterThan(0);
    await log.append([sample(2)], trace);
    await log.append([sample(3)], trace);
    await log.append([sample(4)], trace);
    await whenApplied(config, pool);
    await withQueue(config, ({ jsm }) => jsm.streams.purge(SAMPLES.stream, { seq: 4 }));
    await inTransaction(pool, async (db) => {
      await db.query("DELETE FROM samples WHERE time < $1", [new Date(base - 1)]);
      await db.query("TRUNCATE ingest_applied");
      await db.query("INSERT INTO ingest_applied SELECT $1, 1, 1, now() - interval '1 h'", [
        older.rows[0]?.stream,
      ]);
    });
    await until(async () => (await listGaps(pool)).length > 0);
    expect(await listGaps(pool)).toMatchObject([{ firstSeq: 2, lastSeq: 3 }]);
    await whenApplied(config, pool);
    expect((await readStored(pool)).map((s) => base - s.timeMs)).toEqual([4, 1]);
  });

  it("fenced: what is in the stream waits there, and is stored when the fence is lifted", async () => {
    const load = startLoad(log);
    await load.more(500);
    process.kill(pid, "SIGKILL");
    await load.more(500);
    await load.stop();
    await startAgain();
    await pool.query("SELECT 1").catch(() => undefined);
    await until(async () => (await pool.query("SELECT 1")).rowCount === 1);
    await pool.query(
      `INSERT INTO ingest_fence (reason, raised_by, expires_at)
       VALUES ('test', 'test', clock_timestamp() + interval '1 h')`,
    );
    await until(async () => log.status().fenced);
    const count = "SELECT count(*)::int AS n FROM samples";
    const before = (await pool.query(count)).rows;
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    expect((await pool.query(count)).rows).toEqual(before);
    await pool.query("DELETE FROM ingest_fence");
    await whenApplied(config, pool);
    await load.expectExact(pool);
  });

  it("fenced again and again under load: what is caught waits, and none of it becomes a dead letter", async () => {
    // So slow that a fence catches one or two messages, which then come again and again.
    const load = startLoad(log, 500);
    for (let fence = 0; fence < 6; fence++) {
      await load.more(60);
      await pool.query(
        `INSERT INTO ingest_fence (reason, raised_by, expires_at)
         VALUES ('test', 'test', clock_timestamp() + interval '1 h')`,
      );
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      await pool.query("DELETE FROM ingest_fence");
    }
    await load.stop();
    await whenApplied(config, pool);
    expect(await countDead(config)).toBe(0);
    await load.expectExact(pool);
  });

  it("without room for rows for a while: they are tried again, and none becomes a dead letter", async () => {
    await pool.query(`
      CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$`);
    const load = startLoad(log, 20);
    await load.more(300);
    await pool.query(
      "CREATE TRIGGER no_room BEFORE INSERT ON samples FOR EACH ROW EXECUTE FUNCTION no_room()",
    );
    await new Promise((resolve) => setTimeout(resolve, 8_000));
    await pool.query("DROP TRIGGER no_room ON samples");
    await load.stop();
    await whenApplied(config, pool);
    expect(await countDead(config)).toBe(0);
    await load.expectExact(pool);
  });
});
