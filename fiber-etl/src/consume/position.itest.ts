import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { IngestLog } from "#contracts";
import { listGaps } from "#db";
import { createLogger, type Running } from "#runtime";
import { createTestDatabase, type TestDatabase } from "#testkit";
import type { EtlConfig } from "../etl-config.js";
import { type ScratchNats, startScratchNats } from "../nats-server/scratch-nats.itest-kit.js";
import { startLoad } from "../queue/load.itest-kit.js";
import {
  openStageLog,
  stageConfig,
  startStageEtl,
  until,
  whenApplied,
  withQueue,
} from "../queue/queue-stage.itest-kit.js";
import { CONSUMER, SAMPLES } from "../queue/stream-names.js";
import { keepPosition } from "./position.js";
import { trimStream } from "./trim-stream.js";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const logger = createLogger({ role: "test", level: "silent" });

let database: TestDatabase;
let nats: ScratchNats;
let config: EtlConfig;
let log: IngestLog;
let etls: readonly Running[];
beforeEach(async () => {
  database = await createTestDatabase();
  nats = await startScratchNats();
  config = stageConfig({ database: database.url, nats: nats.url });
  etls = [await startStageEtl(config), await startStageEtl(config)];
  log = await openStageLog(config);
});
afterEach(async () => {
  await log.close();
  for (const etl of etls) await etl.stop();
  await nats.remove();
  await database.drop();
});

it("finds nothing wrong while two writers work and applied messages leave the stream", async () => {
  const load = startLoad(log);
  await load.more(500);
  await withQueue(config, async (queue) => {
    const created = async () => (await queue.jsm.consumers.info(SAMPLES.stream, CONSUMER)).created;
    const before = await created();
    const looks = Array.from({ length: 4 }, async () => {
      for (let look = 0; look < 150; look++) {
        await keepPosition({ queue, db: database.pool, log: logger });
      }
    });
    const trims = (async () => {
      for (let trim = 0; trim < 50; trim++) {
        const { rows } = await database.pool.query<{ seq: string }>(
          "SELECT coalesce(max(last_seq), 0) AS seq FROM ingest_applied WHERE first_seq = 1",
        );
        const nowMs = Date.now() + 25 * 3_600_000;
        await trimStream(queue, { floor: Number(rows[0]?.seq), config, nowMs });
      }
    })();
    await Promise.all([...looks, trims]);
    expect(await created()).toBe(before);
  });
  expect(await listGaps(database.pool)).toEqual([]);
  await load.stop();
  await whenApplied(config, database.pool);
  await load.expectExact(database.pool);
});

it("makes a consumer that somebody deleted anew, from where the database stands", async () => {
  const load = startLoad(log);
  await load.more(500);
  await withQueue(config, ({ jsm }) => jsm.consumers.delete(SAMPLES.stream, CONSUMER));
  await load.more(500);
  await until(() =>
    withQueue(config, async ({ jsm }) => {
      const info = await jsm.consumers.info(SAMPLES.stream, CONSUMER);
      return (info.config.opt_start_seq ?? 0) > 1;
    }),
  );
  await load.stop();
  await whenApplied(config, database.pool);
  await load.expectExact(database.pool);
});
