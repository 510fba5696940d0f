import { type ChildProcess, spawn } from "node:child_process";
import { closeSync } from "node:fs";
import { FiberError } from "#contracts";
import type { Clock, Logger, RoleMessage } from "#runtime";
import { openLog } from "./role-log.js";
import type { ReadyDetail, RoleSpec } from "./role-spec.js";

/** The roles' own grace is 10 s; then they are killed. */
const STOP_TIMEOUT_MS = 13_000;

/** One life of a role: from its process's start to its end. */
export interface Life {
  readonly pid: number;
  readonly startedAt: number;
  /** Settles when the role is warm, or is ready without having been told to go. */
  readonly warm: Promise<"warm" | "ready">;
  /** Settles when the role says that it is ready or failed, or ends before either. */
  readonly ready: Promise<ReadyDetail>;
  readonly ended: Promise<string>;
  hasEnded(): boolean;
  /** Tells a warm role to take its port. */
  go(): void;
  reload(): void;
  /** TERM, then after the grace time KILL for its whole process group. */
  end(log: Logger): Promise<void>;
}

/** Starts the process in a group of its own, so that Ctrl-C reaches the supervisor alone. */
export function giveLife(
  spec: RoleSpec,
  deps: { readonly logFolder: string; readonly clock: Clock },
  env: Readonly<Record<string, string>>,
): Life {
  const [program = process.execPath, ...args] = spec.command;
  const fd = openLog(deps.logFolder, spec.name);
  const child = spawn(program, args, {
    detached: true,
    env: { ...process.env, ...spec.env, ...env },
    stdio: ["ignore", fd, fd, "ipc"],
    ...(spec.cwd === undefined ? {} : { cwd: spec.cwd }),
  });
  closeSync(fd);
  let over = false;
  const ended = new Promise<string>((resolve) => {
    const end = (how: string) => {
      over = true;
      killGroup(child.pid);
      resolve(how);
    };
    child.once("error", (err) => end(err.message));
    child.once("exit", (code, signal) => end(signal ?? `exit code ${code}`));
  });
  const heard = hear(child, ended, { spec, logFolder: deps.logFolder });
  return {
    pid: child.pid ?? 0,
    startedAt: deps.clock.now(),
    ...heard,
    ended,
    hasEnded: () => over,
    reload: () => void child.kill("SIGHUP"),
    async end(log) {
      child.kill("SIGTERM");
      const timer = setTimeout(() => {
        log.error({ role: spec.name, pid: child.pid }, "role did not stop in time; killing it");
        killGroup(child.pid);
      }, STOP_TIMEOUT_MS);
      await ended;
      clearTimeout(timer);
    },
  };
}

/** Listens to what a role says of itself, and gives up on one that says nothing in its time. */
function hear(
  child: ChildProcess,
  ended: Promise<string>,
  { spec, logFolder }: { readonly spec: RoleSpec; readonly logFolder: string },
): Pick<Life, "warm" | "ready" | "go"> {
  const hint = `See ${logFolder}/${spec.name}.log`;
  const warm = deferred<"warm" | "ready">();
  const ready = deferred<ReadyDetail>();
  const fail = (err: FiberError) => {
    warm.reject(err);
    ready.reject(err);
  };
  const failed = (what: string) =>
    fail(new FiberError("ROLE_FAILED", `${spec.name} ${what}. ${hint}`));
  let timer: NodeJS.Timeout | undefined;
  const giveTime = () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      failed(`was not ready within ${spec.startMs / 1000} s`);
      killGroup(child.pid);
    }, spec.startMs);
  };
  giveTime();
  child.on("message", (message) => {
    clearTimeout(timer);
    const said = message as RoleMessage;
    if (said.type === "failed") return fail(new FiberError(said.code, said.message));
    warm.resolve(said.type);
    if (said.type === "ready") ready.resolve(said.detail);
  });
  void ended.then((how) => {
    clearTimeout(timer);
    failed(`ended before it was ready (${how})`);
  });
  return {
    warm: warm.promise,
    ready: ready.promise,
    go() {
      giveTime();
      // A role that has gone meanwhile is reported by `ready`.
      child.send({ type: "go" }, () => undefined);
    },
  };
}

/** A promise that may fail without anybody waiting for it. */
function deferred<T>() {
  let resolve: (value: T) => void = () => undefined;
  let reject: (err: Error) => void = () => undefined;
  const promise = new Promise<T>((done, failed) => {
    resolve = done;
    reject = failed;
  });
  promise.catch(() => undefined);
  return { promise, resolve, reject };
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
