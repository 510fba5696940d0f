import { randomBytes } from "node:crypto";
import type { FastifyInstance } from "fastify";
import { pino } from "pino";
import { type IngestLog, isRefusal, type Role, readSample } from "#contracts";
import { createPool, issueToken } from "#db";
import { createDirectLog, etlConfigSchema } from "#etl";
import { type Clock, type Logger, loadConfig, systemClock } from "#runtime";
import { createTestDatabase, type TestDatabase } from "#testkit";
import { buildApi } from "./build-api.js";
import { apiConfigSchema } from "./config.js";

/** The API over a database of its own, with the real ingest log. */
export interface TestApi {
  readonly app: FastifyInstance;
  readonly db: TestDatabase;
  readonly ingestLog: IngestLog;
  readonly log: Logger;
  /** Issues a token and returns it as a header. */
  bearer(role: Role, nodeId?: string): Promise<{ authorization: string }>;
  close(): Promise<void>;
}

/** Builds the API for inject; rates are without limit unless the environment sets them. */
export async function startTestApi(
  options: { env?: Record<string, string>; clock?: Clock; url?: string } = {},
): Promise<TestApi> {
  const db = options.url === undefined ? await createTestDatabase() : openDatabase(options.url);
  const log = pino({ level: "silent" });
  const clock = options.clock ?? systemClock;
  const env = {
    FIBER_DATABASE_URL: db.url,
    FIBER_PUSH_PER_MIN: "0",
    FIBER_READS_PER_MIN: "0",
    ...options.env,
  };
  const ingestLog = createDirectLog({ config: loadConfig(etlConfigSchema, env), log, clock });
  const config = loadConfig(apiConfigSchema, env);
  const app = await buildApi({ config, log, clock, pool: db.pool, ingestLog, release: "test" });
  await app.ready();
  await awaitLog(ingestLog, db, clock);
  return {
    app,
    db,
    ingestLog,
    log,
    bearer: async (role, nodeId) => {
      const request = nodeId === undefined ? { role } : { role, nodeId };
      const { token } = await issueToken(db.pool, { ...request, label: "test" });
      return { authorization: `Bearer ${token}` };
    },
    close: async () => {
      await app.close();
      await ingestLog.close();
      await db.drop();
    },
  };
}

/** The log connects by itself, on a busy machine not at once: waits until it stores, then cleans up. */
async function awaitLog(log: IngestLog, db: TestDatabase, clock: Clock): Promise<void> {
  const read = readSample(makeSample({ timestamp: clock.now() }), {
    nowMs: clock.now(),
    rawRetentionMs: 1_000,
  });
  if (isRefusal(read)) throw new Error(read.message);
  const trace = { requestId: "kit", traceId: "kit" };
  for (let tries = 1; (await log.append([read], trace)).kind !== "stored"; tries++) {
    if (tries === 100) throw new Error("The ingest log does not find its database");
    await systemClock.sleep(200);
  }
  const { nodeId } = read;
  await db.pool.query(
    "DELETE FROM samples WHERE series_id IN (SELECT series_id FROM series WHERE node_id = $1)",
    [nodeId],
  );
  await db.pool.query("DELETE FROM series WHERE node_id = $1", [nodeId]);
  await db.pool.query("DELETE FROM nodes WHERE node_id = $1", [nodeId]);
}

/** A database on a server of the test's own. */
function openDatabase(url: string): TestDatabase {
  const pool = createPool({
    connectionString: url,
    applicationName: "fiber-test",
    onError: () => {},
  });
  return { url, pool, drop: () => pool.end() };
}

/** A valid sample of now, with a node name that no other test uses. */
export function makeSample(fields: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    node_id: `node-${randomBytes(4).toString("hex")}`,
    country: "GH",
    region: "Accra",
    latency_ms: 12.5,
    uptime_pct: 100,
    packet_loss: 0,
    timestamp: new Date().toISOString(),
    ...fields,
  };
}
