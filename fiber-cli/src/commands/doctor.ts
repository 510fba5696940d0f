import { Command } from "commander";

/** `fiber doctor`: whether this machine has what the product needs. */
export function doctorCommand(): Command {
  return new Command("doctor")
    .description("check this machine: programs and versions, ports, disk, permissions")
    .option("--json", "print the findings as JSON")
    .addHelpText(
      "after",
      `
Ends with 3 when something that is needed is missing; warnings alone end with 0.
FIBER_PG_BIN names the folder of the pg_dump and pg_restore to use.

Example:
  fiber doctor --json | jq '.[] | select(.level != "ok")'`,
    )
    .action(async (options: { json?: boolean }) =>
      (await import("../actions/doctor.js")).runDoctor(options),
    );
}
