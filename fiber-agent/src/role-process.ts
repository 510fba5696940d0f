import { type ChildProcess, spawn } from "node:child_process";
import { closeSync } from "node:fs";
import { FiberError } from "#contracts";
import type { Clock, Logger, RoleMessage } from "#runtime";
import { residentBytes } from "./process-identity.js";
import { openLog } from "./role-log.js";

/** A role to run as a child process: `fiber <args>` with its environment. */
export interface RoleSpec {
  readonly name: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** What later lives get over `env`, from what the first said when it was ready. */
  readonly laterEnv?: (first: ReadyDetail) => Readonly<Record<string, string>>;
  /** Where people reach it. */
  readonly url?: string;
}

/** What a role said of itself when it was ready, such as its port. */
export type ReadyDetail = Extract<RoleMessage, { type: "ready" }>["detail"];

/** How a role is doing. `waiting` is the pause before a restart. */
interface RoleStatus {
  readonly name: string;
  readonly state: "starting" | "running" | "waiting" | "stopped";
  readonly pid: number | null;
  readonly uptime_s: number | null;
  readonly restarts: number;
  readonly memory_bytes: number | null;
  readonly url: string | null;
}

/** A supervised role. */
export interface RoleProcess {
  readonly name: string;
  /** Starts it and resolves when it says it is ready. @throws FiberError when it cannot start */
  start(): Promise<ReadyDetail>;
  /** TERM, then after the grace time KILL for its whole process group. */
  stop(): Promise<void>;
  /** Asks it to read its configuration again (HUP). */
  reload(): void;
  status(): RoleStatus;
}

/** What a role needs from its surroundings. */
export interface RoleProcessOptions {
  readonly spec: RoleSpec;
  /** Program and first arguments that start `fiber`. */
  readonly command: readonly string[];
  readonly logFolder: string;
  readonly log: Logger;
  readonly clock: Clock;
  /** Tells people that the role ended by itself, and that it is back. */
  readonly say: (line: string) => void;
}

const READY_TIMEOUT_MS = 60_000;
/** The roles' own grace is 10 s; then they are killed. */
const STOP_TIMEOUT_MS = 13_000;
const FIRST_RESTART_MS = 500;
const LONGEST_RESTART_MS = 30_000;
/** A role that lived this long starts its restart delays anew. */
const STEADY_MS = 60_000;

interface Life {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly startedAt: number;
  /** Settles when the role says that it is ready or failed, or ends before either. */
  readonly ready: Promise<ReadyDetail>;
  readonly ended: Promise<string>;
}

/** Makes a supervised role; nothing runs until `start`. */
export function createRoleProcess(options: RoleProcessOptions): RoleProcess {
  const { spec, log, clock, say } = options;
  const stopped = new AbortController();
  let life: Life | null = null;
  let state: RoleStatus["state"] = "stopped";
  let restarts = 0;
  let first: ReadyDetail | null = null;
  let watching: Promise<void> = Promise.resolve();

  const begin = async (): Promise<ReadyDetail> => {
    state = "starting";
    const born = giveLife(options, first === null ? {} : (spec.laterEnv?.(first) ?? {}));
    life = born;
    const detail = await born.ready;
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
    async start() {
      const detail = await begin();
      watching = watch();
      return detail;
    },
    async stop() {
      stopped.abort();
      if (life !== null) await endLife(life, log, spec.name);
      await watching;
      state = "stopped";
    },
    reload() {
      if (state === "running") life?.child.kill("SIGHUP");
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
      };
    },
  };
}

/** Starts the process in a group of its own, so that Ctrl-C reaches the supervisor alone. */
function giveLife(options: RoleProcessOptions, env: Readonly<Record<string, string>>): Life {
  const { spec, command, logFolder, clock } = options;
  const [program = process.execPath, ...first] = command;
  const fd = openLog(logFolder, spec.name);
  const child = spawn(program, [...first, ...spec.args], {
    detached: true,
    env: { ...process.env, ...spec.env, ...env },
    stdio: ["ignore", fd, fd, "ipc"],
  });
  closeSync(fd);
  const ended = new Promise<string>((resolve) => {
    child.once("error", (err) => resolve(err.message));
    child.once("exit", (code, signal) => {
      killGroup(child.pid);
      resolve(signal ?? `exit code ${code}`);
    });
  });
  const ready = whenReady(child, ended, spec.name, logFolder);
  return { child, pid: child.pid ?? 0, startedAt: clock.now(), ready, ended };
}

function whenReady(
  child: ChildProcess,
  ended: Promise<string>,
  name: string,
  logFolder: string,
): Promise<ReadyDetail> {
  return new Promise((resolve, reject) => {
    const hint = `See ${logFolder}/${name}.log`;
    const timer = setTimeout(() => {
      reject(new FiberError("ROLE_FAILED", `${name} was not ready within 60 s. ${hint}`));
      killGroup(child.pid);
    }, READY_TIMEOUT_MS);
    child.on("message", (message) => {
      clearTimeout(timer);
      const said = message as RoleMessage;
      if (said.type === "ready") resolve(said.detail);
      else reject(new FiberError(said.code, said.message));
    });
    void ended.then((how) => {
      clearTimeout(timer);
      reject(new FiberError("ROLE_FAILED", `${name} ended before it was ready (${how}). ${hint}`));
    });
  });
}

async function endLife(life: Life, log: Logger, name: string): Promise<void> {
  life.child.kill("SIGTERM");
  const timer = setTimeout(() => {
    log.error({ role: name, pid: life.pid }, "role did not stop in time; killing it");
    killGroup(life.pid);
  }, STOP_TIMEOUT_MS);
  await life.ended;
  clearTimeout(timer);
}

/** Ends a role and whatever it started; a group that is already gone is fine. */
function killGroup(pid: number | undefined): void {
  if (pid === undefined || pid <= 0) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch (err) {
    // macOS answers EPERM for a group of which only zombies are left.
    const { code } = err as NodeJS.ErrnoException;
    if (code !== "ESRCH" && code !== "EPERM") throw err;
  }
}
