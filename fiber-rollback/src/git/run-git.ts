import { FiberError } from "#contracts";
import { type Command, type CommandResult, runCommand } from "#runtime";

/** Runs git in one folder. Prompts are off: a missing credential is an error, not a hang. */
export interface Git {
  readonly folder: string;
  /** A failing command is a value; `input` goes to its stdin. */
  try(command: Command, input?: string): Promise<CommandResult>;
  /** @throws FiberError GIT_FAILED with the command and git's own words */
  must(command: Command, input?: string): Promise<string>;
}

/** Remote commands on a dead network must not hang an operator for ever. */
const TIMEOUT_MS = 120_000;

/**
 * Inside a hook git hands its own repository down in these; a worktree of ours would then be
 * mistaken for that one.
 */
const FOREIGN_REPOSITORY = {
  GIT_DIR: undefined,
  GIT_WORK_TREE: undefined,
  GIT_INDEX_FILE: undefined,
  GIT_COMMON_DIR: undefined,
  GIT_OBJECT_DIRECTORY: undefined,
  GIT_PREFIX: undefined,
};

/** Git as run in `folder`; `note` hears of every command, for journal and report. */
export function createGit(folder: string, note: (result: CommandResult) => void = () => {}): Git {
  const run = async (command: Command, input?: string) => {
    const result = await runCommand(command, {
      cwd: folder,
      timeoutMs: TIMEOUT_MS,
      env: { ...FOREIGN_REPOSITORY, GIT_TERMINAL_PROMPT: "0", GIT_EDITOR: "true", LC_ALL: "C" },
      ...(input === undefined ? {} : { input }),
    });
    note(result);
    return result;
  };
  return {
    folder,
    try: run,
    must: async (command, input) => {
      const result = await run(command, input);
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
