import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { pino } from "pino";
import { apiConfigSchema, startApi } from "#api";
import { createDirectLog, etlConfigSchema } from "#etl";
import { loadConfig, systemClock } from "#runtime";
import type { TestDatabase } from "#testkit";
import type { VerifyContext } from "./verify-context.js";

const log = pino({ level: "silent" });

/** A real API on a free port, over a test's database, that says it is `release`. */
export async function startReleasedApi(db: TestDatabase, release: string) {
  const env = {
    FIBER_DATABASE_URL: db.url,
    FIBER_API_PORT: "0",
    FIBER_PUSH_PER_MIN: "0",
    FIBER_READS_PER_MIN: "0",
  };
  const ingestLog = createDirectLog({
    config: loadConfig(etlConfigSchema, env),
    log,
    clock: systemClock,
  });
  const config = loadConfig(apiConfigSchema, env);
  const api = await startApi({
    config,
    log,
    clock: systemClock,
    pool: db.pool,
    ingestLog,
    release,
  });
  return {
    url: `http://127.0.0.1:${api.port}`,
    stop: async () => {
      await api.stop();
      await ingestLog.close();
    },
  };
}

/** A web server with a handler of the test's own. */
export async function serve(handler: RequestListener) {
  const server = createServer(handler);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** A context in which nothing is known of before. */
export function bareContext(env: Readonly<Record<string, string>>): VerifyContext {
  const nowMs = Date.now();
  return {
    expected: { release: "v1.0.0", migration: null },
    runStartedMs: nowMs,
    sinceMs: nowMs,
    before: null,
    baseline: null,
    probeCodeChanged: null,
    env,
    token: null,
    db: null,
    cwd: process.cwd(),
    clock: systemClock,
  };
}
