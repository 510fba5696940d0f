import { Command } from "commander";

/** `fiber agent`: the part that stays up, on a machine whose roles run on containers. */
export function agentCommand(): Command {
  return new Command("agent")
    .description(
      "serve releases, runs and readiness, and take backups, beside a stack on containers",
    )
    .addHelpText(
      "after",
      `
A service of the host, never a container: a rollback replaces those. API and dashboard ask it over the
socket <state>/agent.sock. fiber deploy and fiber rollback work with and without it.

Environment:
  FIBER_DATABASE_URL       the stack's database, as this machine reaches it (required)
  FIBER_STATE_DIR          releases, runs, incidents, backups
  FIBER_BACKUP_SCHEDULE    cron expression in UTC, or off

Example:
  FIBER_DATABASE_URL=postgres://postgres@localhost:5432/fiberstack fiber agent`,
    )
    .action(async () => (await import("../actions/agent.js")).runAgent());
}
