import { createHash } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Longest socket path that every system takes (macOS: 103 bytes and a NUL). */
const MAX_SOCKET_PATH_BYTES = 100;

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

/**
 * Names the parts of a state folder. The agent's socket is `FIBER_AGENT_SOCKET`, else
 * `<state>/agent.sock`, else, where that is too long for a socket, a short path in the
 * temporary folder.
 */
export function statePaths(
  stateDir: string,
  env: Readonly<Record<string, string | undefined>> = process.env,
): StatePaths {
  return {
    stateDir,
    lock: join(stateDir, "stack.lock"),
    socket: env.FIBER_AGENT_SOCKET || socketPath(stateDir),
    logs: join(stateDir, "logs"),
    agentLog: join(stateDir, "logs", "agent.log"),
    probes: join(stateDir, "probes"),
    tokens: join(stateDir, "tokens"),
    adminToken: join(stateDir, "admin.token"),
    backups: join(stateDir, "backups"),
  };
}

function socketPath(stateDir: string): string {
  const usual = join(stateDir, "agent.sock");
  if (Buffer.byteLength(usual) <= MAX_SOCKET_PATH_BYTES) return usual;
  const hash = createHash("sha256").update(stateDir).digest("hex").slice(0, 12);
  return join(tmpdir(), `fiber-${process.getuid?.() ?? 0}-${hash}.sock`);
}
