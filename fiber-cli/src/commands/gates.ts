import { Command } from "commander";

/** `fiber gates`: what a commit must pass before it is released. */
export function gatesCommand(): Command {
  return new Command("gates")
    .description("run the gates of fiber.yaml on the checked-out commit")
    .option("--only <ids...>", "run these gates only")
    .option("--list", "list the gates, run nothing")
    .option("--json", "print the report as JSON")
    .addHelpText(
      "after",
      `
Exit code 0 when every gate passes, 3 when one does not.

Examples:
  fiber gates
  fiber gates --only types lint`,
    )
    .action(async (options: { only?: string[]; list?: boolean; json?: boolean }) =>
      (await import("../actions/gates.js")).runProjectGates(options),
    );
}
