import { expect, it, vi } from "vitest";
import { createTestDatabase } from "#testkit";
import { startLoad } from "../queue/load.itest-kit.js";
import {
  openStageLog,
  stageConfig,
  startStageEtl,
  until,
  whenApplied,
  withQueue,
} from "../queue/queue-stage.itest-kit.js";
import { SAMPLES } from "../queue/stream-names.js";
import { startNatsCluster } from "./nats-cluster.itest-kit.js";

vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 });

it("one of three servers lost with its disk while nobody reads: nothing acknowledged is lost", async () => {
  const database = await createTestDatabase();
  const cluster = await startNatsCluster();
  const config = stageConfig(
    { database: database.url, nats: cluster.url },
    { FIBER_QUEUE_REPLICAS: "3" },
  );
  const log = await openStageLog(config);
  const load = startLoad(log, 20);
  await load.more(500);
  const leader = await eventually(() =>
    withQueue(config, async ({ jsm }) => {
      const { cluster: state, config: stream } = await jsm.streams.info(SAMPLES.stream);
      expect(stream.num_replicas).toBe(3);
      return state?.leader;
    }),
  );
  await cluster.lose(leader);
  await load.more(500);
  await load.stop();
  // The API goes too, and with it what it kept in memory: only the two servers are left.
  await log.close();
  const etl = await startStageEtl(config);
  await whenApplied(config, database.pool);
  await load.expectExact(database.pool);
  await etl.stop();
  await cluster.remove();
  await database.drop();
});

/** Waits until something is known. */
async function eventually<T>(look: () => Promise<T | undefined>): Promise<T> {
  let found: T | undefined;
  await until(async () => {
    found = await look();
    return found !== undefined;
  });
  if (found === undefined) throw new Error("not found");
  return found;
}
