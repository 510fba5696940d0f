import type { IngestLog, IngestTrace, Sample } from "#contracts";
import { appliedFloor, type DbPool, readApplied } from "#db";
import { createLogger, type Running, systemClock } from "#runtime";
import { startEtl } from "../consume/start-etl.js";
import { type EtlConfig, etlConfigSchema } from "../etl-config.js";
import { createJetStreamLog } from "../jetstream-log/jetstream-log.js";
import { openQueue, type Queue } from "./open-queue.js";
import { DEAD, SAMPLES } from "./stream-names.js";

const level = (process.env.FIBER_LOG_LEVEL ?? "silent") as "silent";
const log = createLogger({ role: "test", level });

/** Trace of every append of a test. */
export const trace: IngestTrace = { requestId: "r-1", traceId: "t-1" };

/** The configuration of a test's API and ETL. */
export function stageConfig(
  urls: { readonly database: string; readonly nats: string },
  more: Readonly<Record<string, string>> = {},
): EtlConfig {
  return etlConfigSchema.parse({
    FIBER_DATABASE_URL: urls.database,
    FIBER_NATS_URL: urls.nats,
    FIBER_INGEST_LOG: "jetstream",
    FIBER_QUEUE_MAX_MB: "64",
    ...more,
  });
}

/** Opens a log and waits until it takes samples. */
export async function openStageLog(config: EtlConfig): Promise<IngestLog> {
  const ingest = createJetStreamLog({ config, log });
  await until(async () => ingest.status().queue?.connected === true);
  return ingest;
}

/** Starts an ETL in this process. */
export function startStageEtl(config: EtlConfig): Promise<Running> {
  return startEtl({ config, log, clock: systemClock });
}

/** Runs `work` on a connection to the stream. */
export async function withQueue<T>(
  config: EtlConfig,
  work: (queue: Queue) => Promise<T>,
): Promise<T> {
  const queue = await openQueue({ config, log, name: "test", onBroken() {} });
  try {
    return await work(queue);
  } finally {
    await queue.end();
  }
}

/** Resolves when the database has every message that the stream holds. */
export async function whenApplied(config: EtlConfig, pool: DbPool): Promise<void> {
  await withQueue(config, async (queue) => {
    const { state } = await queue.jsm.streams.info(SAMPLES.stream);
    await until(
      async () => appliedFloor(await readApplied(pool, queue.streamId)) >= state.last_seq,
    );
  });
}

/** Messages in the dead-letter stream. */
export function countDead(config: EtlConfig): Promise<number> {
  return withQueue(config, async ({ jsm }) => (await jsm.streams.info(DEAD.stream)).state.messages);
}

/** Appends again and again until the samples are stored, as a probe does; returns the refusals. */
export async function appendUntilStored(
  ingest: IngestLog,
  samples: readonly Sample[],
): Promise<number> {
  for (let refusals = 0; ; refusals++) {
    if ((await ingest.append(samples, trace)).kind === "stored") return refusals;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

/** Waits until a condition holds; the test's own time-out ends it. A failure counts as not yet. */
export async function until(condition: () => Promise<boolean>): Promise<void> {
  for (;;) {
    if (await condition().catch(() => false)) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
