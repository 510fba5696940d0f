import { Command } from "commander";

/** `fiber etl`: a writer of the ingest log jetstream, and what is done to that log by hand. */
export function etlCommand(): Command {
  const command = new Command("etl")
    .description("write samples from JetStream into PostgreSQL, in the foreground")
    .addHelpText("after", HELP)
    .action(async () => (await import("../actions/etl.js")).runEtl());
  command
    .command("replay")
    .description("store the samples of the log once more; known ones are left as they are")
    .requiredOption("--since <time>", "a moment (2026-11-22T09:00:00Z) or how long ago (90m, 2h)")
    .option("--dry-run", "say what would be read, and change nothing")
    .option("--json", "print the result as JSON")
    .addHelpText("after", REPLAY_HELP)
    .action(async (options) => (await actions()).runReplay(options));
  command.addCommand(deadCommand());
  return command;
}

/** `fiber queue`: the local nats-server of `fiber up --log jetstream`. */
export function queueCommand(): Command {
  return new Command("queue")
    .description("run the local nats-server in the foreground")
    .action(async () => (await import("../actions/queue.js")).runQueue());
}

function deadCommand(): Command {
  const command = new Command("dead")
    .description("samples that the database refused: look at them, put them back, drop them")
    .addHelpText("after", DEAD_HELP);
  command
    .command("list")
    .description("list them, the oldest first")
    .option("--limit <n>", "at most so many", "100")
    .option("--json", "print JSON")
    .action(async (options) => (await actions()).runDeadList(options));
  for (const verb of ["replay", "drop"] as const) {
    const what =
      verb === "replay"
        ? "put them back into the log, after the cause was mended"
        : "delete them for good";
    command
      .command(verb)
      .description(what)
      .argument("[ids...]", "as `fiber etl dead list` shows them")
      .option("--all", "all of them")
      .option("--dry-run", "say which, and change nothing")
      .option("-y, --yes", "do not ask")
      .option("--json", "print JSON")
      .action(async (ids: string[], options) =>
        (await actions()).runDeadChange(verb, ids, options),
      );
  }
  return command;
}

function actions() {
  return import("../actions/queue-data.js");
}

const HELP = `
Any number of these may run beside each other, with APIs whose FIBER_INGEST_LOG is jetstream. One of
them at a time also keeps the database in order: rollups, retention, partitions, node states.

Environment:
  FIBER_DATABASE_URL   where samples are stored (required)
  FIBER_NATS_URL       nats://127.0.0.1:4222; several separated by commas
  FIBER_QUEUE_HOURS    24: how long applied messages stay for replay

Example:
  FIBER_DATABASE_URL=postgres://postgres:secret@localhost/fiberstack fiber etl`;

const REPLAY_HELP = `
After a restore the writers replay by themselves, from the position in the restored database. This
does the same by hand. It may be repeated, and run beside them.

Examples:
  fiber etl replay --since 2h --dry-run
  fiber etl replay --since 2026-11-22T09:00:00Z`;

const DEAD_HELP = `
Samples end here when the database refuses them (INVALID_SAMPLE), when their node was deleted after
they were accepted (NODE_DELETED), or when a message cannot be read (UNREADABLE). Nothing waits
behind them, and nothing is dropped unless you say so.

Examples:
  fiber etl dead list
  fiber etl dead replay 3 4
  fiber etl dead drop --all --yes`;
