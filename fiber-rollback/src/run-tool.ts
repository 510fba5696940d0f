import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { constants, setPriority } from "node:os";
import type { Readable, Writable } from "node:stream";
import { FiberError } from "#contracts";
import type { Command } from "#runtime";

/** How to run a PostgreSQL program that works for long. */
export interface ToolOptions {
  /** libpq variables, from connectionEnv. */
  readonly env: Readonly<Record<string, string>>;
  /** Gives way to everything else on the machine; the default, because ingest goes on meanwhile. */
  readonly gentle?: boolean;
  readonly uid?: number;
  readonly gid?: number;
  readonly cwd?: string;
  /** Kills the program. */
  readonly signal?: AbortSignal | undefined;
}

/** A program that runs, its streams, and its end. */
export interface RunningTool {
  readonly stdin: Writable;
  readonly stdout: Readable;
  /** Resolves when it ended, whatever its exit code. Never rejects once it was started. */
  readonly ended: Promise<ToolEnd>;
  /** Ends it with SIGKILL; harmless when it ended already. */
  kill(): void;
}

/** How a program ended; `exitCode` is null after a signal. */
export interface ToolEnd {
  readonly command: Command;
  readonly exitCode: number | null;
  /** The end of what it wrote to stderr. */
  readonly stderr: string;
}

const STDERR_LIMIT = 8_000;

/**
 * Starts a program. The caller must read `stdout` to its end, or the program waits for ever.
 * Numbers and messages are in the C locale.
 *
 * @throws FiberError PG_TOOLS_MISSING when it cannot be started
 */
export async function startTool(command: Command, options: ToolOptions): Promise<RunningTool> {
  const [program, ...args] = command;
  const child = spawn(program, args, {
    env: { ...process.env, ...options.env, LC_ALL: "C" },
    stdio: ["pipe", "pipe", "pipe"],
    ...(options.uid === undefined ? {} : { uid: options.uid }),
    ...(options.gid === undefined ? {} : { gid: options.gid }),
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  // A program that ends early closes its stdin; its exit code and stderr tell why.
  child.stdin.on("error", () => {});
  let stderr = "";
  child.stderr.setEncoding("utf8");
  child.stderr.on("data", (text: string) => {
    stderr = (stderr + text).slice(-STDERR_LIMIT);
  });
  const ended = new Promise<ToolEnd>((resolve) => {
    child.once("close", (exitCode) => resolve({ command, exitCode, stderr: stderr.trim() }));
  });
  await once(child, "spawn").catch((cause: NodeJS.ErrnoException) => {
    throw new FiberError(
      "PG_TOOLS_MISSING",
      `${program} could not be started (${cause.code ?? cause.message}). Install PostgreSQL's ` +
        "client programs, or point FIBER_PG_BIN at their folder.",
      { cause },
    );
  });
  if (options.gentle !== false) makeGentle(child);
  const kill = () => void child.kill("SIGKILL");
  if (options.signal?.aborted) kill();
  options.signal?.addEventListener("abort", kill, { once: true });
  void ended.then(() => options.signal?.removeEventListener("abort", kill));
  return { stdin: child.stdin, stdout: child.stdout, ended, kill };
}

/** Runs a program to its end; its stdout is thrown away. */
export async function runTool(command: Command, options: ToolOptions): Promise<ToolEnd> {
  const tool = await startTool(command, options);
  tool.stdin.end();
  tool.stdout.resume();
  return tool.ended;
}

/**
 * @param what what was to be done, for the message: "The dump of fiberstack"
 * @throws FiberError DISK_FULL when the program ran out of space, else `code`
 */
export function refuseFailedTool(end: ToolEnd, code: string, what: string): void {
  if (end.exitCode === 0) return;
  if (/No space left on device|Disk quota exceeded/.test(end.stderr)) {
    throw new FiberError(
      "DISK_FULL",
      `${what} ran out of disk space. ${DISK_REMEDY}\n${end.stderr}`,
    );
  }
  const how = end.exitCode === null ? "was killed" : `ended with ${end.exitCode}`;
  throw new FiberError(code, `${what} failed: ${end.command[0]} ${how}.\n${end.stderr}`);
}

/** What to do about a full disk. */
export const DISK_REMEDY =
  "Nothing was kept of it. Free space, let `fiber backup prune` remove old backups, or point " +
  "FIBER_STATE_DIR at a larger disk.";

/** An error as it should reach people: ENOSPC becomes FiberError DISK_FULL, others stay as they are. */
export function diskFull(err: unknown, what: string): unknown {
  if ((err as { code?: unknown }).code !== "ENOSPC") return err;
  return new FiberError("DISK_FULL", `${what} ran out of disk space. ${DISK_REMEDY}`, {
    cause: err,
  });
}

function makeGentle(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    setPriority(child.pid, constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // It ended already, or the system allows no change: it runs as it is.
  }
}
