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
import { type Clock, type Logger, type Running, stateFolder } from "#runtime";
import { runAsRole } from "../run-as-role.js";

/** Composition root of the API role: pool, ingest log, HTTP; upkeep beside the direct log. */
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
    const { ingestLog, upkeep } = await openIngest({ config: etlConfig, log, clock });
    const api = await startApi({
      config,
      log,
      clock,
      pool,
      ingestLog,
      release: config.release,
      moreMetrics: (register) => addBackupMetrics(register, { stateDir, db: pool }),
    });
    return {
      detail: { port: api.port },
      // The API first: it finishes what it has accepted, which needs everything after it.
      async stop() {
        await api.stop();
        await ingestLog.close();
        await upkeep?.stop();
        await care.stop();
        await pool.end();
      },
    };
  });
}

/** With JetStream the database is kept in order by `fiber etl`, else by this process. */
async function openIngest(options: {
  readonly config: EtlConfig;
  readonly log: Logger;
  readonly clock: Clock;
}): Promise<{ readonly ingestLog: IngestLog; readonly upkeep: Running | null }> {
  if (options.config.FIBER_INGEST_LOG === "jetstream") {
    return { ingestLog: createJetStreamLog(options), upkeep: null };
  }
  return { ingestLog: createDirectLog(options), upkeep: await startUpkeep(options) };
}
