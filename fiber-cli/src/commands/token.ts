import { Command, Option } from "commander";

/** `fiber token`: bearer tokens of probes and people. */
export function tokenCommand(): Command {
  const command = new Command("token").description("issue, list and revoke access tokens");
  command
    .command("issue")
    .description("issue a token and print it; it is shown once and stored hashed")
    .addOption(
      new Option("--role <role>", "what it may do")
        .choices(["viewer", "operator", "admin", "probe"])
        .default("probe"),
    )
    .option("--node <id>", "the one node a probe's token is for")
    .option("--label <text>", "where it is used, for people")
    .option("--json", "print the result as JSON")
    .addHelpText(
      "after",
      `
Examples:
  fiber token issue --node probe-gh-kumasi
  fiber token issue --role viewer --label "wall screen"`,
    )
    .action(async (options: { role: string; node?: string; label?: string; json?: boolean }) =>
      (await import("../actions/token.js")).issue(options),
    );
  command
    .command("list")
    .description("list all tokens, without their text")
    .option("--json", "print the result as JSON")
    .action(async (options: { json?: boolean }) =>
      (await import("../actions/token.js")).list(options),
    );
  command
    .command("revoke")
    .description("revoke a token at once; it cannot be taken back")
    .argument("<id>", "its id, as `fiber token list` shows it")
    .option("--dry-run", "say which token it is, and change nothing")
    .option("-y, --yes", "do not ask")
    .option("--json", "print the result as JSON")
    .action(async (id: string, options: { dryRun?: boolean; yes?: boolean; json?: boolean }) =>
      (await import("../actions/token.js")).revoke(id, options),
    );
  return command;
}
