import { apiConfigSchema, startApi } from "#api";
import { createPool } from "#db";
import { createDirectLog, etlConfigSchema, startUpkeep } from "#etl";
import { addBackupMetrics } from "#rollback";
import { stateFolder } from "#runtime";
import { runAsRole } from "../run-as-role.js";

/** Composition root of the API role: pool, direct log, upkeep, HTTP. */
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
    const ingestLog = createDirectLog({ config: etlConfig, log, clock });
    const upkeep = await startUpkeep({ config: etlConfig, log, clock });
    const stateDir = await stateFolder(env);
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
        await upkeep.stop();
        await pool.end();
      },
    };
  });
}
