import { join } from "node:path";
import { agentSocket } from "#runtime";

/** Where the parts of a state folder lie. All but `socket` are inside it. */
export interface StatePaths {
  readonly stateDir: string;
  readonly lock: string;
  readonly socket: string;
  readonly logs: string;
  readonly agentLog: string;
  readonly probes: string;
  readonly tokens: string;
  readonly adminToken: string;
  readonly backups: string;
}

/** Names the parts of a state folder. */
export function statePaths(
  stateDir: string,
  env: Readonly<Record<string, string | undefined>> = process.env,
): StatePaths {
  return {
    stateDir,
    lock: join(stateDir, "stack.lock"),
    socket: agentSocket(stateDir, env),
    logs: join(stateDir, "logs"),
    agentLog: join(stateDir, "logs", "agent.log"),
    probes: join(stateDir, "probes"),
    tokens: join(stateDir, "tokens"),
    adminToken: join(stateDir, "admin.token"),
    backups: join(stateDir, "backups"),
  };
}
