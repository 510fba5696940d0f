import { Command } from "commander";

/** `fiber api`: the HTTP API, with the writer in its process unless the log is jetstream. */
export function apiCommand(): Command {
  return new Command("api")
    .description("run the HTTP API in the foreground")
    .addHelpText(
      "after",
      `
Environment:
  FIBER_DATABASE_URL   where samples are stored (required)
  FIBER_API_PORT       8000; 0 lets the system choose
  FIBER_API_HOST       127.0.0.1
  FIBER_INGEST_LOG     direct: it writes samples itself; jetstream: fiber etl processes do
  FIBER_NATS_URL       nats://127.0.0.1:4222, for jetstream

Example:
  FIBER_DATABASE_URL=postgres://postgres:secret@localhost/fiberstack fiber api`,
    )
    .action(async () => (await import("../actions/api.js")).runApi());
}
