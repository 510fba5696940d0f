import { Command } from "commander";

/** `fiber ingest`: hold samples off while schema or data change. */
export function ingestCommand(): Command {
  const command = new Command("ingest").description(
    "hold samples off for a while; probes keep them",
  );
  command
    .command("fence")
    .description("refuse samples from now on; returns when no write is in flight any more")
    .option("--for <time>", "how long at most, such as 90s, 10m, 2h", "10m")
    .option("--reason <text>", "shown in /api/status and to the probes", "maintenance")
    .option("--dry-run", "say what would happen")
    .option("--json", "print JSON")
    .action(async (options) => (await actions()).runFence(options));
  command
    .command("lift")
    .description("take samples again")
    .option("--dry-run", "say what would happen")
    .option("--json", "print JSON")
    .action(async (options) => (await actions()).runLift(options));
  command
    .command("status")
    .description("whether ingest is fenced, why and until when")
    .option("--json", "print JSON")
    .action(async (options) => (await actions()).runFenceStatus(options));
  command.addHelpText("after", HELP);
  return command;
}

function actions() {
  return import("../actions/ingest.js");
}

const HELP = `
A fence lives in the database: every API honours it at once, it survives restarts, and it ends by
itself. Pushes are answered 503 with Retry-After, and probes send them again later: nothing is lost.`;
