import { Command } from "commander";
import { agentCommand } from "./commands/agent.js";
import { apiCommand } from "./commands/api.js";
import { backupCommand } from "./commands/backup.js";
import { contactsCommand } from "./commands/contacts.js";
import { dashboardCommand } from "./commands/dashboard.js";
import { demoTargetCommand } from "./commands/demo-target.js";
import { deployCommand } from "./commands/deploy.js";
import { doctorCommand } from "./commands/doctor.js";
import { downCommand } from "./commands/down.js";
import { etlCommand, queueCommand } from "./commands/etl.js";
import { gatesCommand } from "./commands/gates.js";
import { hotfixCommand } from "./commands/hotfix.js";
import { incidentCommand } from "./commands/incident.js";
import { ingestCommand } from "./commands/ingest.js";
import { logsCommand } from "./commands/logs.js";
import { migrateCommand } from "./commands/migrate.js";
import { nodeCommand } from "./commands/node.js";
import { probeCommand } from "./commands/probe.js";
import { readyCommand } from "./commands/ready.js";
import { releaseCommand } from "./commands/release.js";
import { restoreCommand } from "./commands/restore.js";
import { rollbackCommand } from "./commands/rollback.js";
import { runsCommand } from "./commands/runs.js";
import { smokeCommand } from "./commands/smoke.js";
import { statusCommand } from "./commands/status.js";
import { targetCommand } from "./commands/target.js";
import { tokenCommand } from "./commands/token.js";
import { upCommand } from "./commands/up.js";

/**
 * The `fiber` command. Command files import their folders inside their actions, so that help
 * costs no more than commander itself.
 */
export function createProgram(version: string): Command {
  const program = new Command("fiber")
    .description("Watches networks from many places and can always be rolled back.")
    .version(version)
    .configureHelp({ sortSubcommands: false, showGlobalOptions: true })
    .showHelpAfterError("(add --help for how it is used)")
    .addHelpText("after", EPILOGUE);
  program.commandsGroup("The stack on this machine:");
  for (const command of [
    upCommand(),
    downCommand(),
    statusCommand(),
    doctorCommand(),
    logsCommand(),
  ]) {
    program.addCommand(command);
  }
  program.commandsGroup("One role in the foreground:");
  for (const command of [
    apiCommand(),
    etlCommand(),
    probeCommand(),
    dashboardCommand(),
    agentCommand(),
  ]) {
    program.addCommand(command);
  }
  program.addCommand(demoTargetCommand(), { hidden: true });
  program.addCommand(queueCommand(), { hidden: true });
  program.addCommand(smokeCommand(), { hidden: true });
  program.commandsGroup("Release, and go back (scenario 2):");
  for (const command of [
    readyCommand(),
    deployCommand(),
    rollbackCommand(),
    incidentCommand(),
    contactsCommand(),
  ]) {
    program.addCommand(command);
  }
  program.commandsGroup("Data:");
  for (const command of [backupCommand(), restoreCommand(), ingestCommand()]) {
    program.addCommand(command);
  }
  program.commandsGroup("Releases, and a bad commit on the release branch (scenario 1):");
  for (const command of [releaseCommand(), runsCommand(), gatesCommand(), hotfixCommand()]) {
    program.addCommand(command);
  }
  program.commandsGroup("Administration:");
  for (const command of [migrateCommand(), nodeCommand(), targetCommand(), tokenCommand()]) {
    program.addCommand(command);
  }
  return strict(program);
}

/** Every command throws instead of exiting, so that one place decides on exit codes. */
function strict(command: Command): Command {
  command.exitOverride();
  for (const child of command.commands) strict(child);
  return command;
}

const EPILOGUE = `
Examples:
  fiber up                      start everything; Ctrl-C stops it
  fiber status                  what runs, where, since when
  fiber logs api -f             follow one role's log
  fiber target add 192.0.2.10   measure one more target
  fiber ready                   can it be rolled back right now?
  fiber deploy v1.1.0           put a release live; it takes itself back when it fails
  fiber rollback                back to the last known good release
  fiber migrate current         the schema's revision

Exit codes: 0 done, 1 failed, 2 usage, 3 refused by a check, 4 taken back by itself,
75 locked by someone else.
Results go to stdout, messages to stderr; --json prints results for machines.`;
