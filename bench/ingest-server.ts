import { apiConfigSchema, startApi } from "#api";
import { createPool } from "#db";
import { createDirectLog, createJetStreamLog, etlConfigSchema } from "#etl";
import { createLogger, loadConfig, systemClock } from "#runtime";

/** The API with its ingest log, as `fiber api` runs it; tells its parent the port. */
const log = createLogger({ role: "bench", level: "warn" });
const config = loadConfig(apiConfigSchema, process.env);
const pool = createPool({
  connectionString: config.databaseUrl,
  applicationName: "bench-api",
  onError: (err) => log.warn({ err }, "idle database connection broke"),
});
const etlConfig = loadConfig(etlConfigSchema, process.env);
const createLog = etlConfig.FIBER_INGEST_LOG === "direct" ? createDirectLog : createJetStreamLog;
const ingestLog = createLog({ config: etlConfig, log, clock: systemClock });
const api = await startApi({ config, log, clock: systemClock, pool, ingestLog, release: "bench" });
process.send?.({ port: api.port });
process.once("disconnect", async () => {
  await api.stop();
  await ingestLog.close();
  await pool.end();
  process.exit(0);
});
