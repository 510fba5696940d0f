import { accessSync, constants, existsSync, statfsSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { type AgentConfig, isPortFree, type StackStatus, type StatePaths } from "#agent";
import { portHolder } from "#runtime";
import { formatBytes } from "../terminal.js";
import { blocking, type Finding, ok, warning } from "./finding.js";

/** Enough for the database's first days. */
const MIN_FREE_BYTES = 500e6;
/** Seven days of a thousand series, with room for a restore beside. */
const GOOD_FREE_BYTES = 5e9;

/** Whether the stack's ports are free, or held by the stack itself. */
export async function checkPorts(
  config: AgentConfig,
  running: StackStatus | null,
): Promise<Finding[]> {
  const ours = new Set(
    running === null
      ? []
      : [running.pid, running.database?.pid, ...running.roles.map((role) => role.pid)],
  );
  const wanted = [
    ["FIBER_API_PORT", config.FIBER_API_HOST, config.FIBER_API_PORT],
    ["FIBER_DASHBOARD_PORT", config.FIBER_DASHBOARD_HOST, config.FIBER_DASHBOARD_PORT],
    ["FIBER_PG_PORT", "127.0.0.1", config.FIBER_PG_PORT],
    ...(config.FIBER_INGEST_LOG === "jetstream" && config.FIBER_NATS_URL === undefined
      ? [["FIBER_NATS_PORT", "127.0.0.1", config.FIBER_NATS_PORT] as const]
      : []),
  ] as const;
  return Promise.all(
    wanted.map(async ([variable, host, port]) => {
      const what = `port ${port}`;
      if (await isPortFree(host, port)) return ok(what, "free");
      const holder = await portHolder(port);
      // nats-server is the child of a role.
      const isOurs =
        holder !== null &&
        running !== null &&
        (ours.has(holder.pid) || holder.command.includes(`${running.state_folder}/nats/`));
      if (isOurs) return ok(what, "held by the running stack");
      const who =
        holder === null ? "a process of another user" : `process ${holder.pid} (${holder.command})`;
      return blocking(what, `taken by ${who}`, `stop it, or set ${variable} to another port`);
    }),
  );
}

/** Free disk space where the state folder is or will be. */
export function checkDisk(paths: StatePaths): Finding {
  const folder = nearestFolder(paths.stateDir);
  const { bavail, bsize } = statfsSync(folder);
  const free = bavail * bsize;
  const found = `${formatBytes(free)} free at ${folder}`;
  if (free < MIN_FREE_BYTES) return blocking("disk", found, "free at least 500 MB there");
  return free < GOOD_FREE_BYTES
    ? warning("disk", found, "free 5 GB for a week of samples and room to restore")
    : ok("disk", found);
}

/** Whether the state folder can be used, and keeps its secrets. */
export function checkStateFolder(paths: StatePaths): Finding {
  const what = "state folder";
  const folder = nearestFolder(paths.stateDir);
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
  } catch {
    return blocking(
      what,
      `${folder} is not writable`,
      "run as its owner, or set FIBER_STATE_DIR to a folder of your own",
    );
  }
  const open = [paths.adminToken, paths.tokens].filter((path) => {
    const found = statSync(path, { throwIfNoEntry: false });
    return found !== undefined && (found.mode & 0o077) !== 0;
  });
  if (open.length > 0) {
    return warning(
      what,
      `others can read ${open.join(" and ")}`,
      `run: chmod -R go-rwx ${open.join(" ")}`,
    );
  }
  return ok(what, existsSync(paths.stateDir) ? paths.stateDir : `${paths.stateDir} (not made yet)`);
}

function nearestFolder(path: string): string {
  return existsSync(path) ? path : nearestFolder(dirname(path));
}
