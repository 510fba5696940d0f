import { Command } from "commander";

/** `fiber smoke`: whether this release works with the schema of a database. Hidden: for gates. */
export function smokeCommand(): Command {
  return new Command("smoke")
    .description("try this release on the scratch database in FIBER_DATABASE_URL, and write to it")
    .option("--json", "print the result as JSON")
    .action(async (options: { json?: boolean }) =>
      (await import("../actions/smoke.js")).runSmoke(options),
    );
}
