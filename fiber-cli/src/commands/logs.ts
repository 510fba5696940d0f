import { Command } from "commander";

/** `fiber logs`: the roles' log files. */
export function logsCommand(): Command {
  return new Command("logs")
    .description("show the logs of the stack's roles")
    .argument("[role]", "api, dashboard, demo-target, agent, postgres, or a probe's node id (all)")
    .option("-f, --follow", "go on as new lines come")
    .option("-n, --lines <count>", "lines to begin with", "50")
    .option("--json", "print the lines as they were written: one JSON object a line")
    .addHelpText(
      "after",
      `
Examples:
  fiber logs                  the last lines of every role, in order of time
  fiber logs api -f           follow the API
  fiber logs api --json | jq 'select(.level >= 40)'`,
    )
    .action(
      async (
        role: string | undefined,
        options: { follow?: boolean; lines: string; json?: boolean },
      ) => (await import("../actions/logs.js")).runLogs(role, options),
    );
}
