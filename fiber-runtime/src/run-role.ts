import type { Logger } from "./logger.js";

/** A running role. */
export interface Running {
  /** Ends cleanly: nothing in flight is dropped. Called once. */
  stop(): Promise<void>;
  /** Reads configuration again (SIGHUP). */
  reload?(): Promise<void>;
}

/** What a role tells its supervisor over the channel; "warm" only in a deferred start. */
export type RoleMessage =
  | { readonly type: "warm" }
  | { readonly type: "ready"; readonly detail: Readonly<Record<string, string | number>> }
  | { readonly type: "failed"; readonly code: string; readonly message: string };

/** What a supervisor tells a role that is warm: take your port. */
export type SupervisorMessage = { readonly type: "go" };

/** Tells the supervisor, where there is one. */
export function tellSupervisor(message: RoleMessage): void {
  process.send?.(message);
}

/**
 * Runs a role until TERM, INT, or the end of its supervisor's channel; then stops it within
 * `graceMs` and exits 0. A stop that takes longer, or fails, exits 1. HUP reloads.
 */
export async function runRole(
  start: () => Promise<Running>,
  options: { log: Logger; graceMs?: number },
): Promise<void> {
  const { log, graceMs = 10_000 } = options;
  let stopping = false;
  let running: Running | null = null;

  const stop = async (why: string) => {
    if (stopping) return;
    stopping = true;
    log.info({ why }, "stopping");
    const forced = setTimeout(() => {
      log.error({ graceMs }, "stop took longer than its grace time");
      process.exit(1);
    }, graceMs);
    try {
      await running?.stop();
      clearTimeout(forced);
      log.info("stopped");
      process.exit(0);
    } catch (err) {
      log.error({ err }, "stop failed");
      process.exit(1);
    }
  };

  process.on("SIGTERM", () => void stop("SIGTERM"));
  process.on("SIGINT", () => void stop("SIGINT"));
  process.on("SIGHUP", () => {
    running?.reload?.().catch((err: unknown) => log.error({ err }, "reload failed"));
  });
  if (process.send) process.on("disconnect", () => void stop("supervisor gone"));

  running = await start();
}
