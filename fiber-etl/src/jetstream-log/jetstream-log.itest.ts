import { createLogger } from "#runtime";
import { createTestDatabase } from "#testkit";
import { testIngestLogConformance } from "../ingest-log-conformance.itest-kit.js";
import { startScratchNats } from "../nats-server/scratch-nats.itest-kit.js";
import {
  openStageLog,
  stageConfig,
  startStageEtl,
  whenApplied,
} from "../queue/queue-stage.itest-kit.js";
import { createJetStreamLog } from "./jetstream-log.js";

testIngestLogConformance("jetstream", async () => {
  const database = await createTestDatabase();
  const nats = await startScratchNats();
  const config = stageConfig({ database: database.url, nats: nats.url });
  const etl = await startStageEtl(config);
  const log = await openStageLog(config);
  return {
    log,
    pool: database.pool,
    openAnother: () =>
      createJetStreamLog({ config, log: createLogger({ role: "test", level: "silent" }) }),
    applied: () => whenApplied(config, database.pool),
    async end() {
      await log.close();
      await etl.stop();
      await nats.remove();
      await database.drop();
    },
  };
});
