import { FiberError } from "#contracts";
import { type Clock, type Logger, residentBytes } from "#runtime";
import { giveLife, type Life } from "./role-life.js";
import type { HostedRelease, ReadyDetail, RoleSpec } from "./role-spec.js";

/** How a role is doing. `waiting` is the pause before a restart. */
export interface RoleStatus {
  readonly name: string;
  readonly state: "starting" | "running" | "waiting" | "stopped";
  readonly pid: number | null;
  readonly uptime_s: number | null;
  readonly restarts: number;
  readonly memory_bytes: number | null;
  readonly url: string | null;
  readonly release: string;
  readonly digest: string | null;
}

/** A supervised role of one release. */
export interface RoleProcess {
  readonly name: string;
  readonly spec: RoleSpec;
  readonly release: HostedRelease;
  /** Starts it and resolves when it says it is ready. @throws FiberError when it cannot start */
  start(): Promise<ReadyDetail>;
  /** Like start; when it fails it is tried again for as long as it is not stopped. */
  insist(): Promise<ReadyDetail>;
  /**
   * Starts it without its port, beside the one that holds it. "unable" when it does not know
   * deferred listen.
   *
   * @throws FiberError when it cannot start
   */
  warm(): Promise<"warm" | "unable">;
  /** Whether it is warm and still alive. */
  isWarm(): boolean;
  /** Has a warm one take its port; resolves when it is ready. @throws FiberError when it is not */
  go(): Promise<ReadyDetail>;
  /** TERM, then after the grace time KILL for its whole process group. Once; then it stays stopped. */
  stop(): Promise<void>;
  /** Asks it to read its configuration again (HUP). */
  reload(): void;
  status(): RoleStatus;
}

/** What a role needs from its surroundings. */
export interface RoleProcessOptions {
  readonly spec: RoleSpec;
  readonly release: HostedRelease;
  readonly logFolder: string;
  readonly log: Logger;
  readonly clock: Clock;
  /** Tells people that the role ended by itself, and that it is back. */
  readonly say: (line: string) => void;
}

const FIRST_RESTART_MS = 500;
const LONGEST_RESTART_MS = 30_000;
/** A role that lived this long starts its restart delays anew. */
const STEADY_MS = 60_000;

/** Makes a supervised role; nothing runs until it is started. */
export function createRoleProcess(options: RoleProcessOptions): RoleProcess {
  const { spec, release, log, clock, say } = options;
  const stopped = new AbortController();
  let life: Life | null = null;
  let state: RoleStatus["state"] = "stopped";
  let restarts = 0;
  let first: ReadyDetail | null = null;
  let watching: Promise<void> = Promise.resolve();

  const bear = (deferred: boolean): Life => {
    if (stopped.signal.aborted) throw new FiberError("ROLE_FAILED", `${spec.name} was stopped`);
    state = "starting";
    const later = first === null ? {} : (spec.laterEnv?.(first) ?? {});
    life = giveLife(spec, options, { ...later, FIBER_DEFERRED_LISTEN: deferred ? "1" : "0" });
    return life;
  };
  const begin = async (): Promise<ReadyDetail> => settle(await bear(false).ready);
  const settle = (detail: ReadyDetail): ReadyDetail => {
    first ??= detail;
    state = "running";
    return detail;
  };

  /** Follows the role from life to life until it is stopped. */
  const watch = async (): Promise<void> => {
    let delayMs = FIRST_RESTART_MS;
    while (life !== null && !stopped.signal.aborted) {
      const { startedAt, ended } = life;
      const how = await ended;
      if (stopped.signal.aborted) return;
      if (clock.now() - startedAt > STEADY_MS) delayMs = FIRST_RESTART_MS;
      state = "waiting";
      log.warn({ role: spec.name, how, delayMs }, "role ended by itself");
      say(`${spec.name} ended (${how}); starting it again in ${delayMs / 1000} s`);
      await clock.sleep(delayMs, stopped.signal);
      if (stopped.signal.aborted) return;
      delayMs = Math.min(delayMs * 2, LONGEST_RESTART_MS);
      restarts++;
      await begin().then(
        () => say(`${spec.name} is back`),
        (err: Error) => {
          if (!stopped.signal.aborted) say(`${spec.name} did not start: ${err.message}`);
        },
      );
    }
  };

  return {
    name: spec.name,
    spec,
    release,
    async start() {
      const detail = await begin();
      watching = watch();
      return detail;
    },
    async insist() {
      try {
        return await begin();
      } finally {
        if (!stopped.signal.aborted) watching = watch();
      }
    },
    async warm() {
      try {
        return (await bear(true).warm) === "warm" ? "warm" : "unable";
      } catch (err) {
        // It took no notice and wanted the port at once, which the old one still has.
        if (err instanceof FiberError && err.code === "PORT_TAKEN") return "unable";
        throw err;
      }
    },
    isWarm: () => life !== null && state === "starting" && !life.hasEnded(),
    async go() {
      if (life === null) throw new FiberError("ROLE_FAILED", `${spec.name} was never warm`);
      life.go();
      const detail = settle(await life.ready);
      watching = watch();
      return detail;
    },
    async stop() {
      stopped.abort();
      if (life !== null) await life.end(log);
      await watching;
      state = "stopped";
    },
    reload() {
      if (state === "running") life?.reload();
    },
    status() {
      const alive = state === "starting" || state === "running" ? life : null;
      return {
        name: spec.name,
        state,
        pid: alive?.pid ?? null,
        uptime_s: alive === null ? null : Math.round((clock.now() - alive.startedAt) / 1000),
        restarts,
        memory_bytes: alive === null ? null : residentBytes(alive.pid),
        url: spec.url ?? null,
        release: release.tag,
        digest: release.digest,
      };
    },
  };
}
