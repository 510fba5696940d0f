import { Command } from "commander";

/** `fiber etl`: takes samples from JetStream into PostgreSQL. */
export function etlCommand(): Command {
  return new Command("etl")
    .description("take samples from JetStream into PostgreSQL, in the foreground")
    .addHelpText(
      "after",
      `
Environment:
  FIBER_DATABASE_URL   where samples are stored (required)
  FIBER_NATS_URL       nats://127.0.0.1:4222; several separated by commas

Any number of them work side by side; one of them keeps database and stream in order.

Example:
  FIBER_NATS_URL=nats://10.0.0.6:4222 FIBER_DATABASE_URL=postgres://… fiber etl`,
    )
    .action(async () => (await import("../actions/etl.js")).runEtl());
}
