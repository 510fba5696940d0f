import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { expect, it, vi } from "vitest";
import type { Sample } from "#contracts";
import { createTestDatabase } from "#testkit";
import { readStored } from "../ingest-log-conformance.itest-kit.js";
import { startScratchNats } from "../nats-server/scratch-nats.itest-kit.js";
import { identity } from "../queue/load.itest-kit.js";
import { stageConfig, startStageEtl, until, whenApplied } from "../queue/queue-stage.itest-kit.js";
import { BASE_VARIABLE, batchOf } from "./publisher-batches.itest-kit.js";

vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

it("an API killed with publishes in flight: what it acknowledged is stored, once, value for value", async () => {
  const database = await createTestDatabase();
  const nats = await startScratchNats();
  const config = stageConfig({ database: database.url, nats: nats.url });
  const etl = await startStageEtl(config);
  const base = Date.now();
  const acknowledged: Sample[] = [];
  for (let kill = 0; kill < 3; kill++) {
    const start = base - kill * 100_000;
    const child = fork(join(import.meta.dirname, "publisher-process.itest-kit.ts"), {
      execArgv: ["--import", "tsx", "--conditions=source"],
      env: {
        ...process.env,
        FIBER_DATABASE_URL: database.url,
        FIBER_NATS_URL: nats.url,
        FIBER_QUEUE_MAX_MB: String(config.FIBER_QUEUE_MAX_MB),
        [BASE_VARIABLE]: String(start),
      },
    });
    child.on("message", (told) => {
      acknowledged.push(...batchOf({ ...(told as { pump: number; round: number }), base: start }));
    });
    const before = acknowledged.length;
    await until(async () => acknowledged.length > before + 3_000);
    child.kill("SIGKILL");
    await once(child, "exit");
  }
  await whenApplied(config, database.pool);
  const stored = await readStored(database.pool);
  const found = new Map(stored.map((sample) => [identity(sample), JSON.stringify(sample)]));
  expect(found.size).toBe(stored.length);
  expect(acknowledged.length).toBeGreaterThan(9_000);
  const wrong = acknowledged.filter(
    (sample) => found.get(identity(sample)) !== JSON.stringify(sample),
  );
  expect(wrong).toEqual([]);
  await etl.stop();
  await nats.remove();
  await database.drop();
});
