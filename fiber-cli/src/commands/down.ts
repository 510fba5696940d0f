import { Command } from "commander";

/** `fiber down`: stops the running stack; with --purge deletes its data. */
export function downCommand(): Command {
  return new Command("down")
    .description("stop the running stack")
    .option("--purge", "then delete database, spools, logs and tokens; backups are kept")
    .option("--dry-run", "say what would be stopped and deleted, and change nothing")
    .option("-y, --yes", "do not ask before deleting")
    .option("--json", "print the result as JSON")
    .addHelpText(
      "after",
      `
Examples:
  fiber down
  fiber down --purge --dry-run    what would be deleted, with sizes
  fiber down --purge              asks, then deletes`,
    )
    .action(async (options: { purge?: boolean; dryRun?: boolean; yes?: boolean; json?: boolean }) =>
      (await import("../actions/down.js")).runDown(options),
    );
}
