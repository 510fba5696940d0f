import { Command } from "commander";

/** `fiber up`: the whole stack under one supervisor, in the foreground. */
export function upCommand(): Command {
  return new Command("up")
    .description("start database, API, dashboard and three demo probes; Ctrl-C stops them")
    .option("--tree", "run the working tree as release dev, whatever was deployed")
    .option("--json", "print the status as JSON on stdout when everything is ready")
    .addHelpText(
      "after",
      `
Starts the release that was deployed last (fiber deploy); before the first deployment, the working
tree as release dev.

Environment:
  FIBER_API_PORT (8000), FIBER_DASHBOARD_PORT (4000), FIBER_PG_PORT (5432)
  FIBER_STATE_DIR      where database, logs, tokens and backups live
  FIBER_DATABASE_URL   use this PostgreSQL instead of the embedded one
  FIBER_PROBE_CONFIG   a probe.yaml whose targets the demo probes measure too (./probe.yaml)
  FIBER_LOG_LEVEL      info

Examples:
  fiber up
  fiber up --tree
  FIBER_STATE_DIR=/tmp/second FIBER_API_PORT=8001 FIBER_DASHBOARD_PORT=4001 FIBER_PG_PORT=5433 fiber up`,
    )
    .action(async (options: { json?: boolean; tree?: boolean }) =>
      (await import("../actions/up.js")).runUp(options),
    );
}
