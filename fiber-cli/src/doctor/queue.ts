import type { AgentConfig, StackStatus } from "#agent";
import {
  type Durability,
  findNatsServer,
  localQueueUrl,
  queueConfigSchema,
  readDurability,
} from "#etl";
import { createLogger, loadConfig } from "#runtime";
import { blocking, type Finding, ok, warning } from "./finding.js";

/** What is looked at. */
export interface QueueFacts {
  readonly config: AgentConfig;
  readonly stateDir: string;
  readonly running: StackStatus | null;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** The program and the promise of the ingest log jetstream; nothing where the log is direct. */
export async function checkQueue(facts: QueueFacts): Promise<readonly Finding[]> {
  const { config, running } = facts;
  const runs = running?.roles.some((role) => role.name === "etl") === true;
  if (config.FIBER_INGEST_LOG !== "jetstream" && !runs) return [];
  const own = config.FIBER_NATS_URL === undefined;
  return [...(own ? [await checkProgram(facts.env)] : []), await checkDurability(facts, own)];
}

async function checkProgram(env: QueueFacts["env"]): Promise<Finding> {
  const what = "nats-server";
  try {
    const { version, path } = await findNatsServer(env);
    return ok(what, `${version} (${path})`);
  } catch (err) {
    return blocking(what, "not found", (err as Error).message);
  }
}

async function checkDurability(facts: QueueFacts, own: boolean): Promise<Finding> {
  const { config, stateDir, env } = facts;
  const what = "durability";
  const url = own ? localQueueUrl(stateDir) : (config.FIBER_NATS_URL ?? null);
  if (url === null) return ok(what, "not looked at: nats-server never ran here");
  const queue = loadConfig(queueConfigSchema, { ...env, FIBER_NATS_URL: url });
  try {
    const log = createLogger({ role: "doctor", level: "silent" });
    const found = await readDurability(queue, log, env.FIBER_NATS_MONITOR_URL);
    // Our own server is told to sync each message where it knows how to (start-nats-server.ts).
    const sync = own && found.sync === "unknown" ? "always" : found.sync;
    return judgeDurability({ ...found, sync });
  } catch (err) {
    return warning(what, (err as Error).message, "start nats-server, then run this again");
  }
}

/** Whether an acknowledgement keeps the promise of a 202: on disk, whatever happens to a machine. */
export function judgeDurability({
  version,
  replicas,
  sync,
}: Omit<Durability, "survivesPowerLoss">) {
  const what = "durability";
  const servers = replicas === 1 ? "one server" : `${replicas} servers`;
  const found = `nats-server ${version}, ${servers} hold each message`.replace(
    "one server hold",
    "one server holds",
  );
  if (replicas >= 3) return ok(what, `${found}: an accepted sample survives the loss of a machine`);
  if (sync === "always") {
    return ok(what, `${found}, synced before it is acknowledged: it survives a loss of power`);
  }
  const why =
    sync === "unknown"
      ? "whether it syncs before it acknowledges cannot be seen"
      : "synced some time after it is acknowledged";
  return warning(
    what,
    `${found}, ${why}: an accepted sample survives a killed process, and a loss of power only if ` +
      "the API still runs",
    sync === "unknown"
      ? "set sync_interval: always in its jetstream block and FIBER_NATS_MONITOR_URL here; or run three servers and FIBER_QUEUE_REPLICAS=3"
      : "run three servers and set FIBER_QUEUE_REPLICAS=3; or nats-server 2.10 or newer with sync_interval: always (docs/jetstream.md)",
  );
}
