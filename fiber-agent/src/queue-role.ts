import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { AgentConfig } from "./config.js";
import { requireFreePort } from "./port-check.js";
import type { ReadyDetail, RoleSpec } from "./role-process.js";
import type { StackOptions } from "./stack-state.js";

/** What an API and an ETL of the stack are given about the ingest log. */
export type IngestEnv = Readonly<Record<string, string>>;

/** Roles that stop after the API, in this order: the writer first, then what it reads from. */
export const INGEST_ROLES = ["etl", "queue"] as const;

/**
 * Starts what the ingest log needs before the API: nothing for `direct`; for `jetstream` a local
 * nats-server, unless FIBER_NATS_URL names another, and a writer.
 */
export async function startIngestLog(
  options: StackOptions,
  databaseUrl: string,
  startRole: (spec: RoleSpec) => Promise<ReadyDetail>,
): Promise<IngestEnv> {
  const { config, paths, say } = options;
  if (config.FIBER_INGEST_LOG === "direct") return { FIBER_INGEST_LOG: "direct" };
  let url = config.FIBER_NATS_URL;
  if (url === undefined) {
    const detail = await startRole(queueRole(config, paths.stateDir));
    url = readFileSync(join(paths.stateDir, "nats", "url"), "utf8").trim();
    say(`queue ready (nats-server ${detail.version}, port ${detail.port})`);
  }
  const env = { FIBER_INGEST_LOG: "jetstream", FIBER_NATS_URL: url };
  await startRole({
    name: "etl",
    args: ["etl"],
    env: { ...env, FIBER_DATABASE_URL: databaseUrl },
  });
  say("writer ready");
  return env;
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
function queueRole(config: AgentConfig, stateDir: string): RoleSpec {
  return {
    name: "queue",
    args: ["queue"],
    env: { FIBER_NATS_PORT: String(config.FIBER_NATS_PORT), FIBER_STATE_DIR: stateDir },
  };
}
