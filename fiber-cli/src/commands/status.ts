import { Command } from "commander";

/** `fiber status`: what runs here, since when, where. */
export function statusCommand(): Command {
  return new Command("status")
    .description("show what runs on this machine: roles, ports, memory, state folder")
    .option("--json", "print the status as JSON")
    .addHelpText(
      "after",
      `
Ends with 0 when everything runs and 1 when nothing or not everything does.

Examples:
  fiber status
  fiber status --json | jq '.roles[] | {name, state, restarts}'`,
    )
    .action(async (options: { json?: boolean }) =>
      (await import("../actions/status.js")).runStatus(options),
    );
}
