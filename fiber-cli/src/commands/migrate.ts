import { Command } from "commander";

/** `fiber migrate`: the schema of the database, forwards and back. */
export function migrateCommand(): Command {
  const command = new Command("migrate")
    .description("look at the database's schema, bring it up, take it back")
    .addHelpText("after", HELP);
  command
    .command("current")
    .description("the revision the database is at")
    .option("--json", "print JSON")
    .action(async (options) => (await actions()).printCurrent(options));
  command
    .command("history")
    .description("all revisions, newest first")
    .option("-v, --verbose", "with kind, reason, and when it was applied by which release")
    .option("--json", "print JSON")
    .action(async (options) => (await actions()).printHistory(options));
  command
    .command("upgrade")
    .description("apply migrations")
    .argument("[target]", "head, +n (n more) or a revision such as 0004", "head")
    .option("--dry-run", "print the SQL and change nothing")
    .option("--yes", "ask nothing (upgrade never asks)")
    .option("--json", "print JSON")
    .action(async (target, options) => (await actions()).runUpgrade(target, options));
  command
    .command("downgrade")
    .description("take migrations back, with the SQL stored when they were applied")
    .argument("<target>", "base (all of them), -n (n fewer) or the revision to keep")
    .option("--allow-loss", "go on although the rows that are listed will be gone")
    .option("--dry-run", "print the loss and the SQL, and change nothing")
    .option("--yes", "ask nothing")
    .option("--json", "print JSON")
    .action(async (target, options) => (await actions()).runDowngrade(target, options));
  command
    .command("check")
    .description("whether files and database agree, and the schema fits this release")
    .option("--json", "print JSON")
    .action(async (options) => (await actions()).check(options));
  return command;
}

function actions() {
  return import("../actions/migrate.js");
}

const HELP = `
The database is that of FIBER_DATABASE_URL, else the one that fiber up runs.

Examples:
  fiber migrate current                 0004 (head)
  fiber migrate history -v              every revision and what taking it back costs
  fiber migrate upgrade --dry-run       the SQL that would run
  fiber migrate upgrade +1              one more revision
  fiber migrate downgrade -1            one back
  fiber migrate downgrade 0002          back to revision 0002
  fiber migrate downgrade base          everything back; an empty database

A downgrade counts the rows it would drop, prints them, and refuses (exit 3) without --allow-loss;
the database that fiber up runs from a working tree (release dev, nothing deployed yet) is backed up
first instead, and fiber restore FILE --then-upgrade brings the rows back. A schema that was taken back is held: no start upgrades it again until \`fiber migrate upgrade\` does.
Two migrations never run at once: the second waits 30 s, then names the first and exits 75.`;
