import type { StackOptions, StackState } from "./stack-state.js";

/**
 * Stops what runs: probes and demo target, then the API (which finishes its commits), then the
 * dashboard, then writer and queue, then the database. A part that fails to stop is logged and never keeps the others up.
 */
export async function takeDown(state: StackState, options: StackOptions): Promise<void> {
  const { log, say } = options;
  const complain = (name: string, err: Error) => {
    log.error({ err, part: name }, "part did not stop cleanly");
    say(`${name} did not stop cleanly: ${err.message}`);
  };
  const attempt = (name: string, stop: () => Promise<void>) =>
    stop().catch((err: Error) => complain(name, err));
  const stopRoles = (matches: (name: string) => boolean) =>
    state.host.stop(matches, (name, err) => complain(name, err));
  const { backups } = state;
  if (backups !== null) await attempt("backup schedule", () => backups.stop());
  await state.host.close();
  const last = ["api", "dashboard", "etl"];
  await stopRoles((name) => !last.includes(name));
  for (const name of last) await stopRoles((role) => role === name);
  const { database, queue } = state;
  if (queue !== null) await attempt("queue", () => queue.stop());
  if (database !== null) await attempt("database", () => database.stop());
}
