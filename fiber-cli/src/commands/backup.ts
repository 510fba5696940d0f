import { Command } from "commander";

/** `fiber backup`: backups and the proof that they can be restored. */
export function backupCommand(): Command {
  const command = new Command("backup").description(
    "take backups, prove them, keep the right ones",
  );
  command
    .command("create")
    .description("dump the database with figures to prove it by, while everything goes on")
    .option("--tag <tag>", "the release whose data it is (default: FIBER_RELEASE, else dev)")
    .option("--name <name>", "a name instead of the time; refused when it is taken")
    .option("--recipient <age1...>", "encrypt for this age recipient; no plain byte is written")
    .option("--dry-run", "say what would be done")
    .option("--json", "print JSON")
    .action(async (options) => (await actions()).runCreate(options));
  command
    .command("list")
    .description("all backups, newest first")
    .option("--json", "print JSON")
    .action(async (options) => (await actions()).runList(options));
  command
    .command("verify")
    .description("read a backup to its end and compare it with its manifest")
    .argument("[backup]", "a path, a tag, or latest", "latest")
    .option("--identity <file>", "key file for an encrypted backup")
    .option("--json", "print JSON")
    .action(async (backup, options) => (await actions()).runVerify(backup, options));
  command
    .command("prove")
    .description("restore a backup into a scratch database, compare every row, drop it")
    .argument("[backup]", "a path, a tag, or latest", "latest")
    .option("--identity <file>", "key file for an encrypted backup")
    .option("--json", "print JSON")
    .action(async (backup, options) => (await actions()).runProve(backup, options));
  command
    .command("prune")
    .description("remove what retention (7 daily, 4 weekly, 12 monthly) no longer keeps")
    .option(
      "--good <tags...>",
      "releases whose last proven backup stays whatever its age (default: those found good, what " +
        "runs, and tags of which nothing is recorded)",
    )
    .option("--dry-run", "list what would go")
    .option("--yes", "ask nothing")
    .option("--json", "print JSON")
    .action(async (options) => (await actions()).runPrune(options));
  command
    .command("copy")
    .description("copy a backup elsewhere")
    .argument("[backup]", "a path, a tag, or latest", "latest")
    .option("--to <place>", "a folder or a command (default: FIBER_BACKUP_COPY_TO)")
    .option("--dry-run", "say what would be copied")
    .option("--json", "print JSON")
    .action(async (backup, options) => (await actions()).runCopy(backup, options));
  command
    .command("base")
    .description("copy the whole server, to recover it to any moment from the WAL archive")
    .option("--dry-run", "say what would be done")
    .option("--json", "print JSON")
    .action(async (options) => (await walActions()).runBase(options));
  command
    .command("point")
    .description("make a restore point for `fiber restore --to-point`, or list them")
    .argument("[name]")
    .option("--json", "print JSON")
    .action(async (name, options) => (await walActions()).runPoint(name, options));
  command
    .command("health")
    .description("age of the newest backup, its proof, its copy, and the WAL archive")
    .option("--json", "print JSON")
    .action(async (options) => (await walActions()).runHealth(options));
  return command.addHelpText("after", HELP);
}

function actions() {
  return import("../actions/backup.js");
}

function walActions() {
  return import("../actions/backup-wal.js");
}

const HELP = `
Examples:
  fiber backup create --tag v1.0.0-mvp   backups/v1.0.0-mvp.dump then points at it
  fiber backup prove                     a backup that was never restored is a hope
  fiber backup prune --dry-run           what would go, what stays and why`;
