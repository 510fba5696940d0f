import { FiberError } from "#contracts";
import { type Command, type CommandResult, runCommand } from "#runtime";

/** Runs git in one folder. Prompts are off: a missing credential is an error, not a hang. */
export interface Git {
  readonly folder: string;
  /** A failing command is a value. */
  try(command: Command): Promise<CommandResult>;
  /** @throws FiberError GIT_FAILED with the command and git's own words */
  must(command: Command): Promise<string>;
}

/** Remote commands on a dead network must not hang an operator for ever. */
const TIMEOUT_MS = 120_000;

/** Git as run in `folder`; `note` hears of every command, for journal and report. */
export function createGit(folder: string, note: (result: CommandResult) => void = () => {}): Git {
  const run = async (command: Command) => {
    const result = await runCommand(command, {
      cwd: folder,
      timeoutMs: TIMEOUT_MS,
      env: { GIT_TERMINAL_PROMPT: "0", GIT_EDITOR: "true", LC_ALL: "C" },
    });
    note(result);
    return result;
  };
  return {
    folder,
    try: run,
    must: async (command) => {
      const result = await run(command);
      if (result.exitCode === 0) return result.stdout;
      throw gitError(result);
    },
  };
}

/** The error for a git command that had to succeed. */
export function gitError(result: CommandResult): FiberError {
  const words = (result.stderr || result.stdout).trim().split("\n").slice(-6).join("\n");
  const how =
    result.startError === "ENOENT"
      ? "git was not found: install it"
      : result.timedOut
        ? `did not end within ${TIMEOUT_MS / 1000} s: is the remote reachable?`
        : words;
  return new FiberError("GIT_FAILED", `${result.command.join(" ")} failed: ${how}`);
}
