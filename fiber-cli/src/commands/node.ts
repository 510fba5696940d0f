import { Command } from "commander";

/** `fiber node`: the probes that the database knows. */
export function nodeCommand(): Command {
  const command = new Command("node").description("list, show and remove nodes (probes)");
  command
    .command("list")
    .description("list all nodes with their state")
    .option("--json", "print the result as JSON")
    .action(async (options: { json?: boolean }) =>
      (await import("../actions/node.js")).list(options),
    );
  command
    .command("show")
    .description("show one node")
    .argument("<id>", "the node's id")
    .option("--json", "print the result as JSON")
    .action(async (id: string, options: { json?: boolean }) =>
      (await import("../actions/node.js")).show(id, options),
    );
  command
    .command("remove")
    .description("remove a node: its pushes are refused from then on, its history stays")
    .argument("<id>", "the node's id")
    .option("--dry-run", "say which node it is, and change nothing")
    .option("-y, --yes", "do not ask")
    .option("--json", "print the result as JSON")
    .addHelpText("after", "\nExample:\n  fiber node remove probe-gh-kumasi --dry-run")
    .action(async (id: string, options: { dryRun?: boolean; yes?: boolean; json?: boolean }) =>
      (await import("../actions/node.js")).remove(id, options),
    );
  return command;
}
