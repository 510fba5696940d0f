import { FiberError } from "#contracts";

/**
 * Asks before something that cannot be taken back. `--yes` answers; where nobody can be asked
 * (no terminal) the command is refused rather than guessed.
 *
 * @throws FiberError ANSWER_NEEDED without a terminal, DECLINED when the answer is no
 */
export async function confirm(question: string, yes: boolean): Promise<void> {
  if (yes) return;
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    throw new FiberError(
      "ANSWER_NEEDED",
      `${question} This needs an answer, and there is no terminal to ask on. Add --yes to go on.`,
    );
  }
  const prompts = await import("@clack/prompts");
  const answer = await prompts.confirm({
    message: question,
    initialValue: false,
    output: process.stderr,
  });
  if (answer !== true) throw new FiberError("DECLINED", "Nothing was changed.");
}
