import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { IngestLog } from "#contracts";
import type { Running } from "#runtime";
import {
  canHaveSmallDisk,
  createTestDatabase,
  type SmallDisk,
  smallDisk,
  type TestDatabase,
} from "#testkit";
import type { EtlConfig } from "../etl-config.js";
import { readStored } from "../ingest-log-conformance.itest-kit.js";
import { type ScratchNats, startScratchNats } from "../nats-server/scratch-nats.itest-kit.js";
import { startLoad } from "../queue/load.itest-kit.js";
import {
  openStageLog,
  stageConfig,
  startStageEtl,
  until,
  whenApplied,
} from "../queue/queue-stage.itest-kit.js";

const DISK_BYTES = 24 << 20;

// Servers come and go, on a machine that may be busy.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

describe.runIf(await canHaveSmallDisk())("a disk of nats-server that is", () => {
  let disk: SmallDisk;
  let database: TestDatabase;
  let nats: ScratchNats;
  let config: EtlConfig;
  let log: IngestLog;
  let etl: Running | null;

  beforeEach(async () => {
    disk = await smallDisk(DISK_BYTES);
    database = await createTestDatabase();
    nats = await startScratchNats({ dataFolder: disk.folder });
    config = stageConfig({ database: database.url, nats: nats.url });
    log = await openStageLog(config);
    etl = null;
  });
  afterEach(async () => {
    await log.close();
    await etl?.stop();
    await nats.remove();
    await disk.remove();
    await database.drop();
  });

  it("full: samples are refused, none that was acknowledged is lost, and it goes on once there is room", async () => {
    const load = startLoad(log);
    await load.more(1_000);
    disk.fill();
    const before = load.refusals();
    await until(async () => load.refusals() > before + 12);
    expect(log.status().queue).toMatchObject({ connected: false });
    disk.free();
    // A server that ran out of space takes up JetStream again when it is started anew.
    await nats.kill();
    await nats.start();
    await load.more(1_000);
    await load.stop();
    expect(await readStored(database.pool)).toEqual([]);
    etl = await startStageEtl(config);
    await whenApplied(config, database.pool);
    await load.expectExact(database.pool);
  });
});
