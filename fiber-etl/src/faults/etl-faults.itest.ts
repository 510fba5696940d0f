import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { IngestLog } from "#contracts";
import { countWriters, ETL_SESSION } from "#db";
import type { Running } from "#runtime";
import { createTestDatabase, type TestDatabase } from "#testkit";
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
import { CONSUMER, SAMPLES } from "../queue/stream-names.js";
import { startTcpProxy } from "./tcp-proxy.itest-kit.js";

// Servers come and go, on a machine that may be busy.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

let database: TestDatabase;
let nats: ScratchNats;
let config: EtlConfig;
let log: IngestLog;
const children: ChildProcess[] = [];
const running: Running[] = [];

beforeEach(async () => {
  database = await createTestDatabase();
  nats = await startScratchNats();
  config = stageConfig({ database: database.url, nats: nats.url });
  log = await openStageLog(config);
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  await log.close();
  for (const etl of running.splice(0)) await etl.stop();
  await nats.remove();
  await database.drop();
});

async function startProcess(natsUrl = nats.url): Promise<ChildProcess> {
  const child = fork(join(import.meta.dirname, "etl-process.itest-kit.ts"), {
    execArgv: ["--import", "tsx", "--conditions=source"],
    env: {
      ...process.env,
      FIBER_DATABASE_URL: database.url,
      FIBER_NATS_URL: natsUrl,
      FIBER_QUEUE_MAX_MB: String(config.FIBER_QUEUE_MAX_MB),
    },
  });
  children.push(child);
  await once(child, "message");
  return child;
}

async function startHere(): Promise<void> {
  running.push(await startStageEtl(config));
}

/** The backend of the process that leads the upkeep. */
async function leader(): Promise<number | undefined> {
  const { rows } = await database.pool.query<{ pid: number }>(
    `SELECT l.pid FROM pg_locks l JOIN pg_stat_activity a USING (pid)
      WHERE locktype = 'advisory' AND granted AND application_name = 'fiber-upkeep-leader'
        AND l.objid = hashtext(current_database())::int8::bit(32)::int8::oid`,
  );
  return rows[0]?.pid;
}

describe("an ETL", () => {
  it("killed between commit and acknowledgement: its messages come again and are stored once", async () => {
    const target = new URL(nats.url);
    const proxy = await startTcpProxy(Number(target.port));
    target.port = String(proxy.port);
    const child = await startProcess(target.href);
    const first = makeSample({ timeMs: Date.now() - 10_000 });
    await log.append([first], trace);
    await whenApplied(config, database.pool);
    // A fetch of messages stands; from here on no acknowledgement arrives.
    await until(async () => (await consumerInfo()).num_waiting > 0);
    proxy.mute();
    const samples = Array.from({ length: 500 }, (_, i) =>
      makeSample({ timeMs: first.timeMs + 1 + i, latencyMs: i }),
    );
    for (let from = 0; from < 500; from += 50) {
      await log.append(samples.slice(from, from + 50), trace);
    }
    await until(async () => (await readStored(database.pool)).length === 501);
    child.kill("SIGKILL");
    await once(child, "exit");
    await proxy.close();
    expect((await consumerInfo()).ack_floor.stream_seq).toBe(1);
    await startHere();
    await until(async () => (await consumerInfo()).num_ack_pending === 0);
    expect((await consumerInfo()).ack_floor.stream_seq).toBeGreaterThan(1);
    expect(await readStored(database.pool)).toEqual([first, ...samples]);
  });

  it("one of two killed under load: the other stores everything once, and takes over what only one does", async () => {
    const first = await startProcess();
    await until(async () => (await leader()) !== undefined);
    const led = await leader();
    await startProcess();
    await until(async () => (await countWriters(database.pool)) === 2);
    await until(async () => log.status().queue?.consumers === 2);
    const load = startLoad(log);
    await load.more(1_000);
    first.kill("SIGKILL");
    await load.more(1_000);
    await load.stop();
    await whenApplied(config, database.pool);
    await load.expectExact(database.pool);
    await until(async () => ![undefined, led].includes(await leader()));
    await until(async () => log.status().queue?.consumers === 1);
  });

  it("two at work share the messages", async () => {
    await startHere();
    await startHere();
    const load = startLoad(log);
    await until(async () => {
      const { rows } = await database.pool.query<{ n: number }>(
        `SELECT count(DISTINCT client_port)::int AS n FROM pg_stat_activity
          WHERE application_name = '${ETL_SESSION}' AND datname = current_database()`,
      );
      return rows[0]?.n === 2;
    });
    await load.more(2_000);
    await load.stop();
    await whenApplied(config, database.pool);
    await load.expectExact(database.pool);
  });
});

describe("messages", () => {
  it("that come twice and in any order are stored once each, the first one's values", async () => {
    const base = Date.now();
    const batches = Array.from({ length: 30 }, (_, batch) =>
      Array.from({ length: 20 }, (_, i) =>
        makeSample({ timeMs: base - batch * 20 - i, target: `host-${i % 3}`, latencyMs: batch }),
      ),
    );
    for (const batch of batches) await log.append(batch, trace);
    await withQueue(config, async ({ jsm, js }) => {
      const { state } = await jsm.streams.info(SAMPLES.stream);
      for (let seq = state.last_seq; seq >= state.first_seq; seq--) {
        const message = await jsm.streams.getMessage(SAMPLES.stream, { seq });
        if (message === null) throw new Error(`message ${seq} is not there`);
        await js.publish(SAMPLES.subject, message.data, { msgID: `again-${seq}` });
        await js.publish(SAMPLES.subject, message.data, { msgID: `and-again-${seq}` });
      }
    });
    for (const batch of batches.toReversed()) {
      await log.append(batch.toReversed(), trace);
    }
    await startHere();
    await startHere();
    await whenApplied(config, database.pool);
    const stored = await readStored(database.pool);
    const byTime = (samples: typeof stored) => samples.toSorted((a, b) => a.timeMs - b.timeMs);
    expect(byTime(stored)).toEqual(byTime(batches.flat()));
  });

  it("that nobody can store end in the dead-letter stream, and nothing waits behind them", async () => {
    const base = Date.now();
    const good = Array.from({ length: 100 }, (_, i) => makeSample({ timeMs: base - i }));
    const poison = [
      makeSample({ timeMs: base - 1_000, metadata: '{"bad": "\\u0000"}' }),
      makeSample({ timeMs: base - 1_001, nodeId: "bad/../node" }),
      makeSample({ timeMs: base - 90 * 86_400_000 }),
    ];
    await startHere();
    await withQueue(config, async ({ js }) => {
      await js.publish(SAMPLES.subject, new Uint8Array([1, 2, 3]));
      await js.publish(SAMPLES.subject, Buffer.from('[{"node_id":"x"}]'));
      await js.publish(SAMPLES.subject, "");
    });
    const mixed = [...good.slice(0, 30), ...poison, ...good.slice(30, 60)];
    await log.append(mixed, trace);
    await log.append(good.slice(60), trace);
    await whenApplied(config, database.pool);
    const stored = await readStored(database.pool);
    expect(stored.toSorted((a, b) => b.timeMs - a.timeMs)).toEqual(good);
    expect(await countDead(config)).toBe(6);
    const info = await consumerInfo();
    expect(info).toMatchObject({ num_ack_pending: 0, num_pending: 0 });
    await until(async () => log.status().queue?.dead === 6);
  });

  it("of a node that was deleted after their acknowledgement are put aside, not lost", async () => {
    const base = Date.now();
    await startHere();
    const sample = (nodeId: string, i: number) => makeSample({ nodeId, timeMs: base - i });
    await log.append([sample("kept", 0), sample("gone", 0)], trace);
    await whenApplied(config, database.pool);
    for (const etl of running.splice(0)) await etl.stop();
    await log.append([sample("kept", 1), sample("gone", 1), sample("gone", 2)], trace);
    await database.pool.query("UPDATE nodes SET deleted_at = now() WHERE node_id = 'gone'");
    await startHere();
    await whenApplied(config, database.pool);
    expect((await readStored(database.pool)).map((s) => [s.nodeId, base - s.timeMs])).toEqual([
      ["gone", 0],
      ["kept", 1],
      ["kept", 0],
    ]);
    expect(await countDead(config)).toBe(1);
  });
});

function consumerInfo() {
  return withQueue(config, ({ jsm }) => jsm.consumers.info(SAMPLES.stream, CONSUMER));
}
