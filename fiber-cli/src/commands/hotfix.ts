import { Command, InvalidArgumentError } from "commander";

/** `fiber hotfix`: scenario 1 of the runbook, a commit that broke the release branch. */
export function hotfixCommand(): Command {
  const command = new Command("hotfix").description("find, revert and replace a bad commit");
  command
    .command("blame")
    .description("find the commit that broke the release branch, by running the gates")
    .option("--good <rev>", "newest commit known to be good (default: the last good release)")
    .option("--bad <rev>", "oldest commit known to be bad (default: the release branch)")
    .option("--json", "print the result as JSON")
    .addHelpText(
      "after",
      `
Runs the gates of fiber.yaml on commits between good and bad, in a worktree of their own.
A gate that exits 125 cannot judge a commit, which is then passed over.

Example:
  fiber hotfix blame --good v1.0.0-mvp`,
    )
    .action(async (options: { good?: string; bad?: string; json?: boolean }) =>
      (await import("../actions/hotfix.js")).blameCommit(options),
    );
  command
    .command("revert")
    .description("revert a commit on the release branch and push")
    .argument("<commit>", "the bad commit")
    .option("-m, --mainline <n>", "for a merge: the parent that stays", wholeNumber)
    .option("--dry-run", "try it, push nothing")
    .option("-y, --yes", "do not ask")
    .option("--json", "print the result as JSON")
    .action(
      async (
        commit: string,
        options: { mainline?: number; dryRun?: boolean; yes?: boolean; json?: boolean },
      ) => (await import("../actions/hotfix.js")).revertCommit(commit, options),
    );
  command
    .command("start")
    .description("branch hotfix/<description> from the last good tag, in a folder of its own")
    .argument("<description>", "a few words: they name the branch")
    .option("--from <rev>", "where to begin (default: the last good release)")
    .option("--json", "print the result as JSON")
    .addHelpText("after", '\nExample:\n  fiber hotfix start "fix login time-out"')
    .action(async (description: string, options: { from?: string; json?: boolean }) =>
      (await import("../actions/hotfix.js")).start(description, options),
    );
  command
    .command("finish")
    .description("cherry-pick to the release branch, run the gates there, tag, sign and push")
    .argument("<description>", "as given to `fiber hotfix start`")
    .option("--from <rev>", "where it began (default: as `fiber hotfix start` noted it)")
    .option("--tag <tag>", "the tag to set (default: the next patch version)")
    .option("-y, --yes", "do not ask")
    .option("--json", "print the result as JSON")
    .action(
      async (
        description: string,
        options: { from?: string; tag?: string; yes?: boolean; json?: boolean },
      ) => (await import("../actions/hotfix.js")).finish(description, options),
    );
  return command;
}

function wholeNumber(text: string): number {
  if (/^[1-9]\d?$/.test(text)) return Number(text);
  throw new InvalidArgumentError("It must be a whole number from 1.");
}
