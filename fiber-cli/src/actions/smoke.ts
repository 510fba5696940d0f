import { setTimeout as sleep } from "node:timers/promises";
import { apiConfigSchema, startApi } from "#api";
import { FiberError } from "#contracts";
import { createPool, issueToken, schemaFit } from "#db";
import { createDirectLog, etlConfigSchema, startUpkeep } from "#etl";
import { createLogger, loadConfig, systemClock } from "#runtime";
import { printResult } from "../terminal.js";

const NODE = "probe-smoke";
/** Upkeep evaluates states every few seconds. */
const STATE_TIMEOUT_MS = 30_000;

/** What every role reads; each must be answered with 200. */
const READS = [
  "/api/status",
  "/api/nodes",
  `/api/nodes/${NODE}`,
  "/api/metrics",
  "/api/metrics/aggregated?dimension=region",
  "/api/metrics/cluster",
  "/metrics",
];

/**
 * Runs API, writer and upkeep of this release on the schema of the database in FIBER_DATABASE_URL,
 * newer than its own or not: stores a sample, reads it back, and waits until upkeep has judged its
 * node. Leaves its traces behind, so it is for scratch databases.
 *
 * @throws FiberError SMOKE_FAILED naming what did not work
 */
export async function runSmoke({ json = false }: { json?: boolean }): Promise<void> {
  const log = createLogger({ role: "smoke", level: "warn" });
  const etlConfig = loadConfig(etlConfigSchema, process.env);
  const pool = createPool({
    connectionString: etlConfig.FIBER_DATABASE_URL,
    applicationName: "fiber-smoke",
    max: 4,
    onError: (err) => log.warn({ err }, "idle database connection broke"),
  });
  try {
    const { current } = await schemaFit(pool);
    const config = loadConfig(apiConfigSchema, {
      ...process.env,
      FIBER_API_HOST: "127.0.0.1",
      FIBER_API_PORT: "0",
      FIBER_ANONYMOUS_ROLE: "viewer",
      FIBER_SCHEMA_COMPATIBLE: current ?? "",
    });
    const ingestLog = createDirectLog({ config: etlConfig, log, clock: systemClock });
    const upkeep = await startUpkeep({ config: etlConfig, log, clock: systemClock });
    try {
      const { release } = config;
      const api = await startApi({ config, log, clock: systemClock, pool, ingestLog, release });
      try {
        const { token } = await issueToken(pool, { role: "probe", nodeId: NODE, label: "smoke" });
        await tryApi(`http://127.0.0.1:${api.port}`, token);
      } finally {
        await api.stop();
      }
    } finally {
      await ingestLog.close();
      await upkeep.stop();
    }
    const result = { schema: current, works: true };
    printResult(json, result, () => `Works with schema ${current ?? "base"}.`);
  } finally {
    await pool.end();
  }
}

async function tryApi(url: string, token: string): Promise<void> {
  const timestamp = new Date().toISOString();
  const sample = {
    ...{ node_id: NODE, country: "GH", region: "Accra", timestamp },
    ...{ latency_ms: 12.5, uptime_pct: 100, packet_loss: 0 },
  };
  const target = { target: "192.0.2.1", check: "icmp" };
  const headers = { "content-type": "application/json", authorization: `Bearer ${token}` };
  const pushed = await ask(`${url}/api/push`, {
    method: "POST",
    headers,
    body: JSON.stringify([sample, { ...sample, ...target }]),
  });
  if (pushed.status !== 202 || pushed.text.includes("rejected")) throw broken("push", pushed);
  for (const path of READS) {
    const read = await ask(`${url}${path}`);
    if (read.status !== 200) throw broken(`GET ${path}`, read);
  }
  const listed = await ask(`${url}/api/metrics?node_id=${NODE}&limit=10`);
  const samples = JSON.parse(listed.text) as readonly { latency_ms?: unknown }[];
  if (listed.status !== 200 || samples[0]?.latency_ms !== sample.latency_ms) {
    throw broken("the sample that was pushed", listed);
  }
  await awaitState(url);
}

/** Upkeep, which no request reaches, shows that it works by judging the node. */
async function awaitState(url: string): Promise<void> {
  const deadline = Date.now() + STATE_TIMEOUT_MS;
  for (;;) {
    const node = await ask(`${url}/api/nodes/${NODE}`);
    if (/"state":"(HEALTHY|DEGRADED|CRITICAL)"/.test(node.text)) return;
    if (Date.now() > deadline) throw broken("the state of the node that reported", node);
    await sleep(250);
  }
}

async function ask(url: string, init?: RequestInit): Promise<{ status: number; text: string }> {
  const answer = await fetch(url, { ...init, signal: AbortSignal.timeout(30_000) });
  return { status: answer.status, text: await answer.text() };
}

function broken(what: string, answer: { status: number; text: string }): FiberError {
  return new FiberError(
    "SMOKE_FAILED",
    `This release does not work with this schema: ${what}: ${answer.status} ${answer.text.slice(0, 300)}`,
  );
}
