import { spawn } from "node:child_process";

/** What a shell command did; `exitCode` is null when it was killed or never started. */
export interface ShellEnd {
  readonly exitCode: number | null;
  /** The end of what it wrote to stdout and stderr, in the order in which it came. */
  readonly tail: string;
  readonly timedOut: boolean;
  readonly durationMs: number;
}

const TAIL_CHARACTERS = 16_000;
/** Time to end by itself after SIGTERM. */
const GRACE_MS = 5_000;

/**
 * Runs a shell command in a process group of its own, and ends the whole group when its time is
 * over or the signal aborts: a test runner that was told to stop leaves no children behind.
 */
export function runShell(
  commandLine: string,
  options: {
    readonly cwd: string;
    readonly env: NodeJS.ProcessEnv;
    readonly timeoutMs: number;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<ShellEnd> {
  const startedMs = performance.now();
  const child = spawn("sh", ["-c", commandLine], {
    cwd: options.cwd,
    env: options.env,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let tail = "";
  const take = (text: string) => {
    tail = (tail + text).slice(-TAIL_CHARACTERS);
  };
  child.stdout.setEncoding("utf8").on("data", take);
  child.stderr.setEncoding("utf8").on("data", take);

  let timedOut = false;
  let hardly: NodeJS.Timeout | undefined;
  const end = () => {
    killGroup(child.pid, "SIGTERM");
    hardly ??= setTimeout(() => killGroup(child.pid, "SIGKILL"), GRACE_MS);
  };
  const timer = setTimeout(() => {
    timedOut = true;
    end();
  }, options.timeoutMs);
  if (options.signal?.aborted) end();
  options.signal?.addEventListener("abort", end, { once: true });

  return new Promise((resolve) => {
    const finish = (exitCode: number | null) => {
      clearTimeout(timer);
      clearTimeout(hardly);
      options.signal?.removeEventListener("abort", end);
      const durationMs = Math.round(performance.now() - startedMs);
      resolve({ exitCode, tail: tail.trim(), timedOut, durationMs });
    };
    child.once("error", (err) => {
      take(`sh could not be started in ${options.cwd}: ${err.message}`);
      finish(null);
    });
    let code: number | null = null;
    child.once("exit", (exitCode) => {
      code = exitCode;
      // What it left in the background holds our pipes, and nobody else would end it.
      killGroup(child.pid, "SIGKILL");
    });
    child.once("close", () => finish(code));
  });
}

function killGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // The group is gone: that is what was wanted.
  }
}
