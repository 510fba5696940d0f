import { Command } from "commander";

/** `fiber rollback`: back to a release that was good (scenario 2). */
export function rollbackCommand(): Command {
  const command = common(
    new Command("rollback").description(
      "go back to the last known good release, or to the one named",
    ),
  )
    .option("--to <tag>", "a release of fiber release list; the last known good one by default")
    .option("--restore-data", "bring the data back too, as it was when that release was left")
    .option("--allow-loss", "drop the rows that the way down drops; the plan counts them")
    .option("--reason <text>", "why, for the journal and the report")
    .option("--dry-run", "print the plan and change nothing")
    .action(async (_, self) => (await actions()).rollback(self.optsWithGlobals()))
    .addHelpText("after", HELP);
  command.addCommand(
    common(new Command("undo").description("take the last rollback back, with what came since"))
      .option("--reason <text>", "why, for the journal and the report")
      .option("--dry-run", "print the plan and change nothing")
      .action(async (_, self) => (await actions()).undo(self.optsWithGlobals())),
  );
  command.addCommand(
    goingOn(
      new Command("resume").description("go on with a run that was killed or that stopped"),
    ).action(async (_, self) => (await actions()).resume(self.optsWithGlobals())),
  );
  command.addCommand(
    goingOn(
      new Command("abort").description(
        "take an unfinished run back, before its point of no return",
      ),
    ).action(async (_, self) => (await actions()).abort(self.optsWithGlobals())),
  );
  command.addCommand(
    new Command("status")
      .description("how the last run ended, or how far it is")
      .option("--json", "print JSON")
      .action(async (_, self) => (await actions()).status(self.optsWithGlobals())),
  );
  return command;
}

/** Options of `rollback` are known to its subcommands too, which take them from the line. */
function common(command: Command): Command {
  return command
    .option("--take-over <reason>", "take another host's lock over; journaled")
    .option("--yes", "ask nothing")
    .option("--json", "print JSON");
}

/** A run goes on by the engine that began it, unless somebody says why not. */
function goingOn(command: Command): Command {
  return common(command).option(
    "--other-engine <reason>",
    "the engine that began the run is lost: go on with this one; journaled",
  );
}

function actions() {
  return import("../actions/rollback.js");
}

const HELP = `
The least destructive level that fits is chosen and its reason shown: code alone; the schema too, by
the ways down that were stored with the migrations; or the data too, restored beside the live database
while it serves, with everything that came since carried over. What is lost is stated in rows first.

Examples:
  fiber rollback --dry-run               level, loss, outage, every step with its commands
  fiber rollback                         back to the last known good release
  fiber rollback --to v1.0.0-mvp
  fiber rollback --restore-data          when a release damaged data
  fiber rollback undo                    take the rollback itself back
  fiber rollback resume | abort          after a kill, a power cut or a failed gate
  fiber rollback status`;
