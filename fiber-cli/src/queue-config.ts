import { localQueueUrl, type QueueConfig, queueConfigSchema } from "#etl";
import { loadConfig, stateFolder } from "#runtime";

/** Where the ingest log is: FIBER_NATS_URL, else this installation's local server, else the default. */
export async function loadQueueConfig(): Promise<QueueConfig> {
  const local = process.env.FIBER_NATS_URL ? null : localQueueUrl(await stateFolder());
  const env = local === null ? process.env : { ...process.env, FIBER_NATS_URL: local };
  return loadConfig(queueConfigSchema, env);
}
