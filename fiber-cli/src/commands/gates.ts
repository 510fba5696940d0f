import { Command } from "commander";

/** `fiber gates`: what a commit must pass before it is released. */
export function gatesCommand(): Command {
  return new Command("gates")
    .description("run the gates of fiber.yaml on a commit, and keep what they said")
    .option("--only <ids...>", "run these gates only: --only types,lint", readIds)
    .option("--commit <rev>", "run them on this commit, in a worktree of its own")
    .option("--list", "list the gates, run nothing")
    .option("--report <file>", "also write the report as JSON to this file")
    .option("--json", "print the report as JSON")
    .addHelpText("after", HELP)
    .action(async (options) => (await import("../actions/gates.js")).runProjectGates(options));
}

function readIds(text: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), ...text.split(",").filter(Boolean)];
}

const HELP = `
A gate is a command at the root of the commit's tree: exit code 0 passes, 125 says that it cannot
judge, anything else fails. Without --commit they run where you are, on the checked-out commit.

What they said is kept in the state folder, and \`fiber deploy\` asks there before it runs them
itself. It is not kept while the tree has uncommitted changes: no commit would be what was judged.
Gates see none of your FIBER_ settings, so that tests never reach the installation's database.

Exit code 0 when every gate passes, 3 when one does not.

Examples:
  fiber gates
  fiber gates --only types,lint
  fiber gates --commit v1.1.0-mvp`;
