import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { AgentConfig } from "./config.js";
import { treeRelease } from "./hosted-release.js";
import { requireFreePort } from "./port-check.js";
import { createRoleProcess } from "./role-process.js";
import type { StackOptions, StackState } from "./stack-state.js";

/**
 * Starts what the ingest log needs before the roles of the release: nothing for `direct`; for
 * `jetstream` a local nats-server, unless FIBER_NATS_URL names another. Like the database it
 * belongs to the installation, and no switch of releases touches it. Fills `queue` and `ingest`.
 */
export async function startIngestLog(state: StackState, options: StackOptions): Promise<void> {
  const { config, paths, say } = options;
  if (config.FIBER_INGEST_LOG === "direct") return;
  let url = config.FIBER_NATS_URL;
  if (url === undefined) {
    state.queue = createQueue(options);
    const detail = await state.queue.start();
    url = readFileSync(join(paths.stateDir, "nats", "url"), "utf8").trim();
    say(`queue ready (nats-server ${detail.version}, port ${detail.port})`);
  }
  state.ingest = { FIBER_INGEST_LOG: "jetstream", FIBER_NATS_URL: url };
}

/** Refuses a taken port of the local nats-server, where there will be one. */
export async function requireQueuePort(config: AgentConfig): Promise<void> {
  if (config.FIBER_INGEST_LOG === "direct" || config.FIBER_NATS_URL !== undefined) return;
  await requireFreePort({
    what: "nats-server",
    host: "127.0.0.1",
    port: config.FIBER_NATS_PORT,
    variable: "FIBER_NATS_PORT",
  });
}

/** The local nats-server, kept by a role of ours. */
function createQueue({ config, paths, command, log, clock, say }: StackOptions) {
  return createRoleProcess({
    spec: {
      name: "queue",
      command: [...command, "queue"],
      env: {
        FIBER_NATS_PORT: String(config.FIBER_NATS_PORT),
        FIBER_STATE_DIR: paths.stateDir,
      },
      switch: "restart",
      writer: false,
      startMs: 60_000,
    },
    release: treeRelease("dev"),
    logFolder: paths.logs,
    log,
    clock,
    say,
  });
}
