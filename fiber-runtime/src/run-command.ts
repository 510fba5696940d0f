import { execa } from "execa";
import { FiberError } from "#contracts";

/** A command as data: program and arguments, never a shell string. */
export type Command = readonly [program: string, ...args: string[]];

/** How to run a command. */
export interface RunOptions {
  readonly cwd?: string;
  /** Beside our own environment; undefined takes a variable out of it. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly input?: string;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  /** Run as this user; only root may ask for it. */
  readonly uid?: number;
  readonly gid?: number;
  /** In a process group of its own, so that Ctrl-C on our terminal does not reach it. */
  readonly detached?: boolean;
}

/** What a command did; `exitCode` is null when it was killed by a signal or never started. */
export interface CommandResult {
  readonly command: Command;
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly timedOut: boolean;
  readonly durationMs: number;
  /** ENOENT and the like when the program could not be started. */
  readonly startError: string | null;
}

/** Runs a command and returns what it did; a failing command is a value, not an exception. */
export async function runCommand(
  command: Command,
  options: RunOptions = {},
): Promise<CommandResult> {
  const [program, ...args] = command;
  const result = await execa(program, args, {
    reject: false,
    stripFinalNewline: true,
    maxBuffer: 64 * 1024 * 1024,
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.env === undefined ? {} : { env: options.env }),
    ...(options.input === undefined ? { stdin: "ignore" as const } : { input: options.input }),
    ...(options.timeoutMs === undefined ? {} : { timeout: options.timeoutMs }),
    ...(options.signal === undefined ? {} : { cancelSignal: options.signal }),
    ...(options.uid === undefined ? {} : { uid: options.uid }),
    ...(options.gid === undefined ? {} : { gid: options.gid }),
    ...(options.detached === undefined ? {} : { detached: options.detached }),
  });
  return {
    command,
    exitCode: result.exitCode ?? null,
    stdout: result.stdout ?? "",
    stderr: result.stderr ?? "",
    timedOut: result.timedOut,
    durationMs: Math.round(result.durationMs),
    startError: result.code ?? null,
  };
}

/**
 * Like {@link runCommand}, for commands that must succeed; returns their stdout.
 *
 * @throws FiberError COMMAND_FAILED with the command line, its exit code and the end of its output
 */
export async function mustRun(command: Command, options: RunOptions = {}): Promise<string> {
  const result = await runCommand(command, options);
  if (result.exitCode === 0) return result.stdout;
  const tail = (result.stderr || result.stdout).split("\n").slice(-8).join("\n");
  const how = result.timedOut
    ? "did not end in time"
    : result.startError === "ENOENT"
      ? "was not found; install it or put it on the PATH"
      : `ended with ${result.exitCode ?? "a signal"}`;
  throw new FiberError("COMMAND_FAILED", `${command.join(" ")} ${how}${tail ? `\n${tail}` : ""}`);
}
