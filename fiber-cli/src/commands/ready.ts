import { Command } from "commander";

/** `fiber ready`: can I roll back right now? */
export function readyCommand(): Command {
  return new Command("ready")
    .description("can it be rolled back right now? each item green, amber or red, with its remedy")
    .option("--json", "print the items as JSON")
    .addHelpText(
      "after",
      `
Green: nothing to do. Amber: a rollback would work, with a gap that is named. Red: it would be
refused or lose data. What cannot be looked at is amber, never green.

Exit code 0 for green and amber, 3 for red.

Examples:
  fiber ready
  fiber ready --json | jq -r '.items[] | select(.light != "green") | .remedy'`,
    )
    .action(async (options: { json?: boolean }) =>
      (await import("../actions/ready.js")).showReadiness(options),
    );
}
