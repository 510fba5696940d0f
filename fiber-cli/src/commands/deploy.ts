import { Command } from "commander";

/** `fiber deploy`: a release goes live, verified, or takes itself back. */
export function deployCommand(): Command {
  return new Command("deploy")
    .description(
      "put a release live: gates, backup, migrations, switch, verification by the probes",
    )
    .argument("<tag>", "a signed tag, such as v1.0.0-mvp")
    .option("--skip-gates <reason>", "do not run the gates; the reason is journaled")
    .option("--allow-unsigned <reason>", "a tag whose signature is not verified; journaled")
    .option("--allow-loss", "its migrations may remove rows and values")
    .option("--reason <text>", "why, for the journal and the report")
    .option("--take-over <reason>", "take another host's lock over; journaled")
    .option("--dry-run", "print the plan and change nothing")
    .option("--yes", "ask nothing")
    .option("--json", "print JSON")
    .action(async (tag, options) => (await import("../actions/deploy.js")).deploy(tag, options))
    .addHelpText("after", HELP);
}

const HELP = `
The release is built from its tag into a folder of its own; the one that runs keeps its folder. With
migrations, ingest is fenced (senders keep their samples), a restore point is made, and the API stops
while the schema changes. A step or gate that fails takes everything back by itself: exit code 4.

Examples:
  fiber release tag v1.1.0             sign the checked-out commit as a release
  fiber deploy v1.1.0 --dry-run        steps, commands, outage, what can be lost
  fiber deploy v1.1.0
  fiber rollback                       leave it again, when verification found nothing wrong
  fiber rollback resume                after a kill or a power cut`;
