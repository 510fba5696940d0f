import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { IngestLog } from "#contracts";
import { listGaps } from "#db";
import type { Running } from "#runtime";
import { createTestDatabase, type TestDatabase } from "#testkit";
import type { EtlConfig } from "../etl-config.js";
import { makeSample, readStored } from "../ingest-log-conformance.itest-kit.js";
import { type ScratchNats, startScratchNats } from "../nats-server/scratch-nats.itest-kit.js";
import { startLoad } from "../queue/load.itest-kit.js";
import {
  appendUntilStored,
  openStageLog,
  stageConfig,
  startStageEtl,
  trace,
  until,
  whenApplied,
  withQueue,
} from "../queue/queue-stage.itest-kit.js";
import { SAMPLES } from "../queue/stream-names.js";

// Servers come and go, on a machine that may be busy.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

let database: TestDatabase;
let nats: ScratchNats;
let config: EtlConfig;
let log: IngestLog;
let etl: Running | null;

beforeEach(async () => {
  database = await createTestDatabase();
  nats = await startScratchNats();
  config = stageConfig({ database: database.url, nats: nats.url });
  etl = await startStageEtl(config);
  log = await openStageLog(config);
});
afterEach(async () => {
  await log.close();
  await etl?.stop();
  await nats.remove();
  await database.drop();
});

describe("nats-server", () => {
  it("killed three times under load: every acknowledged sample is stored once", async () => {
    const load = startLoad(log);
    for (let kill = 0; kill < 3; kill++) {
      await load.more(500);
      await nats.kill();
      await nats.start();
    }
    await load.more(500);
    await load.stop();
    await whenApplied(config, database.pool);
    await load.expectExact(database.pool);
  });

  it("away for longer than a message in flight is tried: refused, then taken again", async () => {
    const load = startLoad(log);
    await load.more(200);
    await nats.kill();
    await until(async () => load.refusals() > 0);
    expect(await log.append([makeSample()], trace)).toMatchObject({
      kind: "refused",
      code: "QUEUE_UNAVAILABLE",
      retryAfterS: 1,
    });
    expect(log.status().queue).toMatchObject({ connected: false });
    await new Promise((resolve) => setTimeout(resolve, 9_000));
    await nats.start();
    await load.more(500);
    await load.stop();
    await whenApplied(config, database.pool);
    await load.expectExact(database.pool);
  });

  it("restarted while nobody reads: what was acknowledged before waits and is stored", async () => {
    await etl?.stop();
    etl = null;
    const load = startLoad(log);
    await load.more(500);
    await nats.kill();
    await nats.start();
    await load.more(500);
    await load.stop();
    expect(await readStored(database.pool)).toEqual([]);
    etl = await startStageEtl(config);
    await whenApplied(config, database.pool);
    await load.expectExact(database.pool);
  });
});

describe("its stream", () => {
  it("deleted under load, applied or not: the API publishes again what it had acknowledged", async () => {
    const load = startLoad(log);
    await load.more(500);
    await etl?.stop();
    etl = null;
    // Acknowledged, and in no database: only the API still has them.
    await load.more(500);
    await withQueue(config, ({ jsm }) => jsm.streams.delete(SAMPLES.stream));
    await load.more(500);
    etl = await startStageEtl(config);
    await load.more(500);
    await load.stop();
    await until(async () => log.status().depth === 0);
    await whenApplied(config, database.pool);
    await load.expectExact(database.pool);
  });

  it("put back to an older state: what it lost comes again, and reused numbers fool nobody", async () => {
    const load = startLoad(log);
    await load.more(300);
    await nats.kill();
    const copy = join(nats.folder, "copy");
    cpSync(join(nats.folder, "data"), copy, { recursive: true });
    await nats.start();
    await load.more(500);
    await nats.kill();
    rmSync(join(nats.folder, "data"), { recursive: true });
    cpSync(copy, join(nats.folder, "data"), { recursive: true });
    await nats.start();
    await load.more(500);
    await load.stop();
    await until(async () => log.status().depth === 0);
    await whenApplied(config, database.pool);
    await load.expectExact(database.pool);
  });

  it("full of what waits: refused with QUEUE_FULL, nothing dropped, taken again once there is room", async () => {
    await log.close();
    await etl?.stop();
    etl = null;
    config = { ...config, FIBER_QUEUE_MAX_MB: 1 };
    log = await openStageLog(config);
    const base = Date.now();
    const batch = (index: number) =>
      Array.from({ length: 500 }, (_, i) => makeSample({ timeMs: base - index * 500 - i }));
    let stored = 0;
    for (; ; stored++) {
      const outcome = await log.append(batch(stored), trace);
      if (outcome.kind === "stored") continue;
      expect(outcome).toMatchObject({ kind: "refused", code: "QUEUE_FULL", retryAfterS: 5 });
      break;
    }
    expect(stored).toBeGreaterThan(10);
    etl = await startStageEtl(config);
    expect(await appendUntilStored(log, batch(stored))).toBeGreaterThan(0);
    await whenApplied(config, database.pool);
    expect(await readStored(database.pool)).toHaveLength(500 * (stored + 1));
  });

  it("emptied by hand before it was stored: the gap is noted with its bounds, and what follows is stored", async () => {
    await log.append([makeSample({ timeMs: Date.now() - 5_000 })], trace);
    await whenApplied(config, database.pool);
    await etl?.stop();
    etl = null;
    await log.close();
    log = await openStageLog(config);
    const beforeMs = Date.now();
    await log.append([makeSample({ timeMs: beforeMs - 1 })], trace);
    await log.append([makeSample({ timeMs: beforeMs - 2 })], trace);
    await withQueue(config, ({ jsm }) => jsm.streams.purge(SAMPLES.stream));
    const kept = makeSample();
    await log.append([kept], trace);
    etl = await startStageEtl(config);
    await whenApplied(config, database.pool);
    const gaps = await listGaps(database.pool);
    expect(gaps).toMatchObject([{ firstSeq: 2, lastSeq: 3 }]);
    expect(gaps[0]?.afterMs).toBeLessThanOrEqual(beforeMs);
    expect(gaps[0]?.beforeMs).toBeGreaterThanOrEqual(beforeMs);
    expect(await readStored(database.pool)).toHaveLength(2);
    await until(async () => log.status().queue?.gap?.beforeMs === gaps[0]?.beforeMs);
  });
});
