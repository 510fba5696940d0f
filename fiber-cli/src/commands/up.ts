import { Command, Option } from "commander";

/** `fiber up`: the whole stack under one supervisor, in the foreground. */
export function upCommand(): Command {
  return new Command("up")
    .description("start database, API, dashboard and three demo probes; Ctrl-C stops them")
    .option("--tree", "run the working tree as release dev, whatever was deployed")
    .addOption(
      new Option("--log <log>", "what carries samples to the database").choices([
        "direct",
        "jetstream",
      ]),
    )
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
  FIBER_INGEST_LOG     direct, or jetstream as --log does: a local nats-server and a writer
  FIBER_NATS_PORT      4222, of that nats-server; FIBER_NATS_BIN names its program
  FIBER_NATS_URL       use this nats-server instead
  FIBER_LOG_LEVEL      info

Examples:
  fiber up
  fiber up --tree
  fiber up --log jetstream
  FIBER_STATE_DIR=/tmp/second FIBER_API_PORT=8001 FIBER_DASHBOARD_PORT=4001 FIBER_PG_PORT=5433 fiber up`,
    )
    .action(async (options: { json?: boolean; tree?: boolean; log?: "direct" | "jetstream" }) =>
      (await import("../actions/up.js")).runUp(options),
    );
}
