import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createPool, type DbPool, ensurePartitions, liftFence, raiseFence, upgrade } from "#db";
import { runQueueServer } from "#etl";
import { createLogger, systemClock } from "#runtime";
import { freePort, startScratchPostgres } from "#testkit";
import { forkOf, stopChild } from "./children.js";
import type { EtlReport } from "./etl-process.js";

/** PostgreSQL and nats-server of a bench's own. */
export interface QueueStage {
  readonly url: string;
  readonly pool: DbPool;
  /** For files of the bench. */
  readonly folder: string;
  /** What APIs and ETLs are given to work on both. */
  readonly env: Readonly<Record<string, string>>;
  remove(): Promise<void>;
}

const QUEUE_MB = "2048";

/** Starts both servers and brings the schema to its head. */
export async function startQueueStage(): Promise<QueueStage> {
  const folder = await mkdtemp(join(tmpdir(), "fiber-bench-"));
  const server = await startScratchPostgres();
  const url = server.url("fiberstack");
  await upgrade({ connectionString: url });
  const pool = createPool({ connectionString: url, applicationName: "bench", onError() {} });
  await ensurePartitions(pool, { nowMs: Date.now() });
  const nats = await runQueueServer({
    config: { FIBER_NATS_PORT: await freePort(), FIBER_QUEUE_MAX_MB: Number(QUEUE_MB) },
    stateDir: folder,
    log: createLogger({ role: "bench", level: "warn" }),
    clock: systemClock,
    output: "ignore",
    onEnded: (how) => {
      throw new Error(how);
    },
  });
  return {
    url,
    pool,
    folder,
    env: {
      FIBER_DATABASE_URL: url,
      FIBER_INGEST_LOG: "jetstream",
      FIBER_NATS_URL: nats.url,
      FIBER_QUEUE_MAX_MB: QUEUE_MB,
    },
    async remove() {
      await nats.stop();
      await pool.end();
      await server.remove();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Writers at work, in processes of their own. */
export interface Writers {
  /** Resolves when they have stored so many samples together since they were started. */
  stored(samples: number): Promise<void>;
  rssBytes(): number;
  stop(): Promise<void>;
}

/** Starts `fiber etl` processes, each with so many connections that write. */
export async function startWriters(
  stage: QueueStage,
  options: { readonly processes: number; readonly connections: number },
): Promise<Writers> {
  const env = { ...stage.env, FIBER_INGEST_CONNECTIONS: String(options.connections) };
  const counts = new Map<ChildProcess, EtlReport>();
  let look: () => void = () => {};
  for (let index = 0; index < options.processes; index++) {
    const child = forkOf("etl-process.ts", env);
    counts.set(child, { stored: 0, rssBytes: 0 });
    child.on("message", (told) => {
      counts.set(child, told as EtlReport);
      look();
    });
    await once(child, "message");
  }
  const total = (of: "stored" | "rssBytes") =>
    [...counts.values()].reduce((sum, one) => sum + one[of], 0);
  return {
    stored: (samples) =>
      new Promise((resolve) => {
        look = () => {
          if (total("stored") >= samples) resolve();
        };
        look();
      }),
    rssBytes: () => total("rssBytes"),
    async stop() {
      for (const child of counts.keys()) await stopChild(child);
    },
  };
}

/** Time for writers to connect and ask for messages before they are let go. */
const SETTLE_MS = 2_000;

/** Lets writers take what lies in the stream, all from the same moment; returns samples a second. */
export async function drainRate(
  stage: QueueStage,
  order: { readonly samples: number; readonly processes: number; readonly connections: number },
): Promise<number> {
  const fence = { reason: "bench", raisedBy: "bench", forMs: 600_000, waitMs: 5_000 };
  await raiseFence(stage.pool, fence);
  const writers = await startWriters(stage, order);
  try {
    await sleep(SETTLE_MS);
    const started = performance.now();
    await liftFence(stage.pool);
    await writers.stored(order.samples);
    return order.samples / ((performance.now() - started) / 1_000);
  } finally {
    await writers.stop();
  }
}
