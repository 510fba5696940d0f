import { INGEST_ROLES } from "./queue-role.js";
import type { StackOptions, StackState } from "./stack-state.js";

/**
 * Stops what runs: probes and demo target, then the API (which finishes its commits), then the
 * dashboard, then writer and queue, then the database. A part that fails to stop is logged and never keeps the others up.
 */
export async function takeDown(state: StackState, options: StackOptions): Promise<void> {
  const { log, say } = options;
  const attempt = async (name: string, stop: () => Promise<void>) => {
    try {
      await stop();
    } catch (err) {
      log.error({ err, part: name }, "part did not stop cleanly");
      say(`${name} did not stop cleanly: ${(err as Error).message}`);
    }
  };
  const stopRoles = (names: (name: string) => boolean) =>
    Promise.all(
      state.roles
        .filter((role) => names(role.name))
        .map((role) => attempt(role.name, () => role.stop())),
    );
  const { backups } = state;
  if (backups !== null) await attempt("backup schedule", () => backups.stop());
  const last = ["api", "dashboard", ...INGEST_ROLES];
  await stopRoles((name) => !last.includes(name));
  for (const name of last) await stopRoles((role) => role === name);
  const { database } = state;
  if (database !== null) await attempt("database", () => database.stop());
}
