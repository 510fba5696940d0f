import { apiConfigSchema, startApi, startDatabaseCare } from "#api";
import type { IngestLog } from "#contracts";
import { createPool } from "#db";
import {
  createDirectLog,
  createJetStreamLog,
  type EtlConfig,
  etlConfigSchema,
  startUpkeep,
} from "#etl";
import { addBackupMetrics } from "#rollback";
import { type Clock, type Logger, stateFolder } from "#runtime";
import { runAsRole } from "../run-as-role.js";

/** Composition root of the API role: pool, ingest log, HTTP; for the direct log upkeep too. */
export function runApi(): Promise<void> {
  return runAsRole("api", async ({ log, clock, env, loadConfig }) => {
    const config = loadConfig(apiConfigSchema, env);
    const etlConfig = loadConfig(etlConfigSchema, env);
    const pool = createPool({
      connectionString: config.databaseUrl,
      applicationName: "fiber-api",
      max: 8,
      onError: (err) => log.warn({ err }, "idle database connection broke"),
    });
    const stateDir = await stateFolder(env);
    const care = await startDatabaseCare({ config, db: pool, stateDir, log, clock });
    const ingest = await openIngest(etlConfig, log, clock);
    const api = await startApi({
      config,
      log,
      clock,
      pool,
      ingestLog: ingest.log,
      release: config.release,
      moreMetrics: (register) => addBackupMetrics(register, { stateDir, db: pool }),
    });
    return {
      detail: { port: api.port },
      // The API first: it finishes what it has accepted, which needs everything after it.
      async stop() {
        await api.stop();
        await ingest.stop();
        await care.stop();
        await pool.end();
      },
    };
  });
}

/** The ingest log that is configured; with JetStream, writing and upkeep are the ETL's. */
async function openIngest(
  config: EtlConfig,
  log: Logger,
  clock: Clock,
): Promise<{ readonly log: IngestLog; stop(): Promise<void> }> {
  if (config.FIBER_INGEST_LOG === "jetstream") {
    const queue = createJetStreamLog({ config, log, clock });
    return { log: queue, stop: () => queue.close() };
  }
  const direct = createDirectLog({ config, log, clock });
  const upkeep = await startUpkeep({ config, log, clock });
  return {
    log: direct,
    async stop() {
      await direct.close();
      await upkeep.stop();
    },
  };
}
