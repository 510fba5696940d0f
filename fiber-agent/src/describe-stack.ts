import type { StackOptions, StackState } from "./stack-state.js";
import type { StackStatus } from "./stack-status.js";

/** The stack as it is now. */
export function describeStack(
  state: StackState,
  options: StackOptions,
  urls: StackStatus["urls"],
): StackStatus {
  const { database, host, queue } = state;
  return {
    phase: state.phase,
    release: state.host.release().tag,
    digest: state.host.release().digest,
    pid: process.pid,
    since: new Date(state.startedAt).toISOString(),
    state_folder: options.paths.stateDir,
    socket: options.paths.socket,
    urls,
    database: database === null ? null : database.status(),
    probes: [...(state.tokens?.probes.keys() ?? [])],
    roles: [...(queue === null ? [] : [queue.status()]), ...host.status()],
  };
}
