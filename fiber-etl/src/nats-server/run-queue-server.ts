import { readFileSync } from "node:fs";
import { join } from "node:path";
import { connect } from "@nats-io/transport-node";
import { z } from "zod";
import { type Clock, type Logger, portVariable } from "#runtime";
import { type NatsServer, startNatsServer } from "./start-nats-server.js";

/** What the local nats-server reads from the environment. */
export const queueServerConfigSchema = z.object({
  FIBER_NATS_PORT: portVariable.default(4_222),
  FIBER_QUEUE_MAX_MB: z.coerce.number().int().min(1).default(4_096),
});

/** See {@link queueServerConfigSchema}. */
export type QueueServerConfig = z.output<typeof queueServerConfigSchema>;

/** How to run the local nats-server as a role. */
export interface QueueServerOptions {
  readonly config: QueueServerConfig;
  /** The installation's state folder. */
  readonly stateDir: string;
  readonly log: Logger;
  readonly clock: Clock;
  /** Where nats-server's own log goes; to this process's output by default. */
  readonly output?: "inherit" | "ignore";
  /** The server ended, or takes nothing more: whoever supervises the role starts it anew. */
  readonly onEnded: (how: string) => void;
}

const CHECK_MS = 2_000;
/** Beside samples: dead letters, and what a server keeps for itself. */
const MORE_MB = 512;

/** Where the local server of an installation keeps its streams. */
export function queueFolder(stateDir: string): string {
  return join(stateDir, "nats");
}

/** The URL of the installation's local server, with its password; null when it never ran. */
export function localQueueUrl(stateDir: string): string | null {
  try {
    return readFileSync(join(queueFolder(stateDir), "url"), "utf8").trim();
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw err;
  }
}

/**
 * Starts the local nats-server and watches it. A server whose disk was full has switched JetStream
 * off, and takes it up again only when it is started anew.
 */
export async function runQueueServer(options: QueueServerOptions): Promise<NatsServer> {
  const { config, stateDir, log, clock, onEnded } = options;
  const server = await startNatsServer({
    folder: queueFolder(stateDir),
    port: config.FIBER_NATS_PORT,
    maxMb: config.FIBER_QUEUE_MAX_MB + MORE_MB,
    log,
    output: options.output ?? "inherit",
  });
  const ending = new AbortController();
  void server.ended.then((how) => {
    if (!ending.signal.aborted) onEnded(`nats-server ended (${how})`);
  });
  const watching = watchJetStream(server, clock, ending.signal).then((why) => {
    if (why !== null) onEnded(why);
  });
  return {
    ...server,
    async stop() {
      ending.abort();
      await watching;
      await server.stop();
    },
  };
}

/** Resolves with why JetStream is gone, or with null at the abort. */
async function watchJetStream(
  server: NatsServer,
  clock: Clock,
  signal: AbortSignal,
): Promise<string | null> {
  const { host, username, password } = new URL(server.url);
  for (;;) {
    await clock.sleep(CHECK_MS, signal);
    if (signal.aborted) return null;
    try {
      const nc = await connect({ servers: host, user: username, pass: password, reconnect: false });
      const enabled = nc.info?.jetstream === true;
      await nc.close();
      if (!enabled && !signal.aborted) {
        return "nats-server has switched JetStream off (is its disk full?)";
      }
    } catch {
      // Its end is told by its process; one that is slow to answer is left alone.
    }
  }
}
