import { Command } from "commander";

/** `fiber restore`: data back from a backup, a point in time, or a quarantine. */
export function restoreCommand(): Command {
  const command = new Command("restore")
    .description("bring data back beside the live database, carry over what came since, swap")
    .argument("[file]", "a dump, such as backups/v1.0.0-mvp.dump")
    .option("--to-point <name>", "recover to a restore point instead")
    .option("--to-time <time>", "recover to a moment instead, such as 2026-11-22T10:15:00Z")
    .option("--undo [quarantine]", "go back to the database that the last restore replaced")
    .option("--resume", "go on with a restore that was interrupted")
    .option("--abort", "take back a restore that was interrupted before the swap")
    .option("--identity <file>", "key file for an encrypted dump")
    .option("--leave-suspect", "leave rows outside the contract's ranges in the quarantine")
    .option("--then-upgrade", "upgrade the restored schema to this release before the swap")
    .option("--keep-days <days>", "how long the replaced database is kept", "7")
    .option("--in-place", "the runbook's pg_restore --clean into the living database")
    .option("--allow-loss", "with --in-place: accept the loss that is listed")
    .option("--dry-run", "print the plan and change nothing")
    .option("--yes", "ask nothing")
    .option("--json", "print JSON")
    .action(async (file, options) => (await actions()).runRestore(file, options))
    .addHelpText("after", HELP);
  command.addCommand(quarantineCommand());
  return command;
}

/** Its options are known to `restore` too, which takes them from the line: hence "with globals". */
function quarantineCommand(): Command {
  const command = new Command("quarantine").description("databases that a restore replaced");
  command
    .command("list")
    .description("all of them, newest first")
    .option("--json", "print JSON")
    .action(async (_, self) => (await actions()).listQuarantine(self.optsWithGlobals()));
  command
    .command("expire")
    .description("drop those whose time is over")
    .option("--json", "print JSON")
    .action(async (_, self) => (await actions()).expireQuarantine(self.optsWithGlobals()));
  command
    .command("drop")
    .description("drop one before its time")
    .argument("<name>")
    .option("--yes", "ask nothing")
    .option("--json", "print JSON")
    .action(async (name, _, self) => (await actions()).dropOne(name, self.optsWithGlobals()));
  return command;
}

function actions() {
  return import("../actions/restore.js");
}

const HELP = `
Reads and ingest go on while the dump is restored beside; ingest is fenced for the last rows, reads
fail for a fraction of a second at the swap. The replaced database stays as quarantine.

Examples:
  fiber restore backups/v1.0.0-mvp.dump --dry-run   rows per table, from where, what does not
  fiber restore backups/v1.0.0-mvp.dump             plan, question, restore
  fiber restore --resume                            after a kill or a failure
  fiber restore --undo                              back, with what came since
  fiber restore quarantine list                     what is kept, until when`;
