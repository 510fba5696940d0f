import type { Logger } from "#runtime";
import type { QueueConfig } from "../etl-config.js";
import { isAtLeast } from "../nats-server/find-nats-server.js";
import { openQueue } from "./open-queue.js";
import { SAMPLES } from "./stream-names.js";

/** What an acknowledgement of the stream is worth. */
export interface Durability {
  readonly version: string;
  readonly replicas: number;
  /** `always`: synced before the acknowledgement. `interval`: some time after. */
  readonly sync: "always" | "interval" | "unknown";
  /** Whether a sample that was answered 202 survives the loss of one machine's power. */
  readonly survivesPowerLoss: boolean | null;
}

/**
 * Asks the server what its acknowledgement is worth. Servers before 2.10 sync in intervals only;
 * of later ones the setting is read from the monitoring endpoint, where that is known.
 *
 * @param monitorUrl such as http://127.0.0.1:8222
 * @throws FiberError QUEUE_UNAVAILABLE
 */
export async function readDurability(
  config: QueueConfig,
  log: Logger,
  monitorUrl: string | undefined,
): Promise<Durability> {
  const queue = await openQueue({ config, log, name: "fiber-doctor", onBroken() {} });
  try {
    const version = queue.nc.info?.version ?? "0.0.0";
    const { config: stream } = await queue.jsm.streams.info(SAMPLES.stream);
    const sync = isAtLeast(version, 2, 10) ? await readSync(monitorUrl) : "interval";
    return {
      version,
      replicas: stream.num_replicas,
      sync,
      survivesPowerLoss:
        stream.num_replicas >= 3 || sync === "always" ? true : sync === "unknown" ? null : false,
    };
  } finally {
    await queue.end();
  }
}

const ASK_MS = 3_000;

async function readSync(monitorUrl: string | undefined): Promise<Durability["sync"]> {
  if (monitorUrl === undefined) return "unknown";
  try {
    const answer = await fetch(new URL("/varz", monitorUrl), {
      signal: AbortSignal.timeout(ASK_MS),
    });
    const facts = (await answer.json()) as {
      jetstream?: { config?: { sync_always?: boolean } };
    };
    return facts.jetstream?.config?.sync_always === true ? "always" : "interval";
  } catch {
    return "unknown";
  }
}
