import { Command } from "commander";

/** `fiber runs`: what deploys and rollbacks did, from their journals. */
export function runsCommand(): Command {
  const command = new Command("runs").description(
    "deploys and rollbacks on this machine, from their journals",
  );
  command
    .command("list")
    .description("all of them, newest first")
    .option("--limit <count>", "at most this many", "20")
    .option("--json", "print JSON")
    .action(async (options) => (await actions()).listAllRuns(options));
  command
    .command("show")
    .description("one run: plan, steps with durations and errors, what it lost, how to go on")
    .argument("[id]", "as in the list; the newest by default")
    .option("--json", "print JSON")
    .action(async (id, options) => (await actions()).showRun(id, options));
  return command.addHelpText("after", HELP);
}

function actions() {
  return import("../actions/runs.js");
}

const HELP = `
Read from the state folder alone: works while a run goes on, while the database is down, and after
the command that ran it was killed.

Examples:
  fiber runs list
  fiber runs show                          the newest
  fiber runs show 20261122T101500Z-deploy --json`;
