import { afterEach, beforeEach, expect, it } from "vitest";
import type { IngestLog, IngestTrace, Sample } from "#contracts";
import { createPool, type DbPool, ensurePartitions, startEmbeddedPostgres, upgrade } from "#db";
import { createLogger } from "#runtime";
import { type ScratchPostgres, startScratchPostgres } from "#testkit";
import { etlConfigSchema } from "../etl-config.js";
import { makeSample, readStored } from "../ingest-log-conformance.itest-kit.js";
import { createDirectLog } from "./direct-log.js";

const trace: IngestTrace = { requestId: "crash", traceId: "crash" };
const logger = createLogger({ role: "test", level: "silent" });
const KILLS = 3;
const PUMPS = 12;

let server: ScratchPostgres;
let pid: number;
let pool: DbPool;
let log: IngestLog;

beforeEach(async () => {
  server = await startScratchPostgres();
  pid = server.pid;
  const url = server.url("fiberstack");
  await upgrade({ connectionString: url });
  pool = createPool({ connectionString: url, applicationName: "test", onError() {} });
  await ensurePartitions(pool, { nowMs: Date.now() });
  const config = etlConfigSchema.parse({ FIBER_DATABASE_URL: url });
  log = createDirectLog({ config, log: logger });
});
afterEach(async () => {
  await log.close();
  await pool.end();
  await server.remove();
});

it("has every acknowledged sample exactly once, value for value, after PostgreSQL was killed under load", async () => {
  const acknowledged: Sample[] = [];
  let refusals = 0;
  let stop = false;
  const base = Date.now();
  const pump = async (pumpIndex: number) => {
    for (let round = 0; !stop; round++) {
      const batch = makeBatch(pumpIndex, base - round * 10);
      // As a probe does: the same batch again and again until it is acknowledged.
      while ((await log.append(batch, trace)).kind !== "stored") {
        refusals++;
        if (stop) return;
        await new Promise((resolve) => setTimeout(resolve, 25));
      }
      acknowledged.push(...batch);
    }
  };
  const pumps = Array.from({ length: PUMPS }, (_, index) => pump(index));
  for (let kill = 0; kill < KILLS; kill++) {
    const before = acknowledged.length;
    await until(() => acknowledged.length > before + 500);
    await killAndRestart();
  }
  const before = acknowledged.length;
  await until(() => acknowledged.length > before + 500);
  stop = true;
  await Promise.all(pumps);

  expect(refusals).toBeGreaterThan(0);
  const stored = await readStored(pool);
  const byIdentity = new Map(stored.map((sample) => [identity(sample), sample]));
  expect(byIdentity.size).toBe(stored.length);
  const wrong = acknowledged.filter(
    (sample) => JSON.stringify(byIdentity.get(identity(sample))) !== JSON.stringify(sample),
  );
  expect(wrong).toEqual([]);
});

/** Batches of 1 to 7 samples of one node, two of them for new series now and then. */
function makeBatch(pumpIndex: number, timeMs: number): readonly Sample[] {
  const size = 1 + (timeMs % 7);
  return Array.from({ length: size }, (_, index) =>
    makeSample({
      nodeId: `node-${pumpIndex}`,
      target: `host-${index}`,
      timeMs: timeMs - index,
      latencyMs: (timeMs % 1_000) / 7 + index,
      metadata: index === 0 ? `{"n": ${timeMs}}` : null,
    }),
  );
}

async function killAndRestart(): Promise<void> {
  process.kill(pid, "SIGKILL");
  const { stateDir, port } = server;
  pid = (await startEmbeddedPostgres({ stateDir, port, log: logger })).pid;
}

function identity({ nodeId, target, check, timeMs }: Sample): string {
  return `${nodeId}|${target}|${check}|${timeMs}`;
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 20));
}
