import {
  type Clock,
  createLogger,
  LOG_LEVELS,
  type Logger,
  loadConfig,
  type RoleMessage,
  type Running,
  runRole,
  systemClock,
  tellSupervisor,
} from "#runtime";
import { exitCodeFor } from "./exit-codes.js";

/** What a role's composition is given. */
export interface RoleContext {
  readonly log: Logger;
  readonly clock: Clock;
  readonly env: NodeJS.ProcessEnv;
  readonly loadConfig: typeof loadConfig;
}

/** A running role with what it tells its supervisor, such as its port. */
export interface StartedRole extends Running {
  readonly detail: Readonly<Record<string, string | number>>;
}

/**
 * Runs one role in the foreground until it is told to stop. A role that cannot start tells its
 * supervisor why (where there is one) and ends with the exit code of its error.
 */
export async function runAsRole(
  role: string,
  compose: (context: RoleContext) => Promise<StartedRole>,
): Promise<void> {
  const log = createLogger({ role, level: logLevel() });
  const start = async () => {
    const started = await compose({ log, clock: systemClock, env: process.env, loadConfig });
    log.info(started.detail, "ready");
    tellSupervisor({ type: "ready", detail: started.detail });
    return started;
  };
  try {
    await runRole(start, { log });
  } catch (err) {
    const { message, code } = err as Error & { code?: unknown };
    log.error({ err }, "cannot start");
    await tellAndWait({
      type: "failed",
      code: typeof code === "string" ? code : "ROLE_FAILED",
      message: `${role}: ${message}`,
    });
    // What was composed before the failure may hold the process open: end it.
    process.exit(exitCodeFor(err));
  }
}

/** Resolves when the message has left; at once without a supervisor, or with one that is gone. */
function tellAndWait(message: RoleMessage): Promise<void> {
  return new Promise((resolve) => {
    if (process.send === undefined || !process.connected) return resolve();
    process.send(message, undefined, undefined, () => resolve());
  });
}

function logLevel(): (typeof LOG_LEVELS)[number] {
  const wanted = process.env.FIBER_LOG_LEVEL;
  return LOG_LEVELS.find((level) => level === wanted) ?? "info";
}
