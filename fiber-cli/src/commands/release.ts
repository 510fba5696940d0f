import { Command } from "commander";

/** `fiber release`: what was released, what it is worth, and what comes next. */
export function releaseCommand(): Command {
  const command = new Command("release").description(
    "tag releases, list them, check what they are worth",
  );
  command
    .command("tag")
    .description("sign a tag on the checked-out commit and record it as a candidate")
    .argument("<tag>", "the new tag, such as v1.1.0-mvp")
    .option("-m, --message <text>", "the tag's message (default: Release <tag>)")
    .option("--push", "push the tag to the remote as well; a refused push removes it again")
    .option("--dry-run", "look whether it can be done, set nothing")
    .option("--json", "print the record as JSON")
    .addHelpText("after", TAG_HELP)
    .action(async (tag, options) => (await actions()).tagNew(tag, options));
  command
    .command("list")
    .description("every release, newest first: status, what runs, the last known good")
    .option("--json", "print the records as JSON")
    .addHelpText("after", LIST_HELP)
    .action(async (options) => (await actions()).list(options));
  command
    .command("show")
    .description("everything that is known of one release")
    .argument("<tag>")
    .option("--json", "print the record as JSON")
    .action(async (tag, options) => (await actions()).show(tag, options));
  command
    .command("verify")
    .description("check signature, commit, migrations, remote, built folder and backup")
    .argument("<tag>")
    .option("--json", "print the checks as JSON")
    .addHelpText("after", VERIFY_HELP)
    .action(async (tag, options) => (await actions()).verify(tag, options));
  command
    .command("import")
    .description("rebuild lost records from the manifests of backups and from git's tags")
    .option("--from <folder>", "also read a folder that backups were copied to")
    .option("--dry-run", "say what would be written, write nothing")
    .option("--json", "print what was found as JSON")
    .addHelpText("after", IMPORT_HELP)
    .action(async (options) => (await actions()).importAll(options));
  return command.addHelpText("after", HELP);
}

function actions() {
  return import("../actions/release.js");
}

const HELP = `
A release is a signed tag and one record: commit, migrations with their checksums, the built folder
with its digest, backups, and the health it had while it was good. Its status goes from candidate
(never ran here) to live (runs, not judged yet) to good or bad (judged by verification).

Examples:
  fiber release tag v1.1.0-mvp -m "Faster charts" --push
  fiber release list
  fiber release verify v1.1.0-mvp`;

const TAG_HELP = `
Refused before anything is set (exit 3): uncommitted changes; a tag that exists here or at the
remote; a missing or unusable signing key; a fiber.yaml or a migration that could not be deployed;
a migration that was edited after a good release had shipped it.

Keys: git config user.signingkey <key>, and for an SSH key also git config gpg.format ssh.

Example:
  fiber release tag v1.1.0-mvp -m "Faster charts"`;

const LIST_HELP = `
The last known good is computed: the newest release that was found good and whose built folder is
still there. A rollback without a tag goes to it.`;

const VERIFY_HELP = `
Exit code 0 when nothing is wrong, 3 when something is. What cannot be looked at here (a remote that
does not answer, a release that was never built) is said, and is no fault.

A signature is good, bad (changed, renamed, expired or revoked), unsigned, or of a key that you do
not know: gpg --import it, or add it to git config gpg.ssh.allowedSignersFile.`;

const IMPORT_HELP = `
For a lost or damaged state folder. What git knows comes from the tag; what only this installation
knew (status, times, baseline, digest) from the newest manifest of a backup. Tags without a backup
become candidates. Records that are there and usable stay as they are.

Examples:
  fiber release import --dry-run
  fiber release import --from /mnt/backup-host/fiberstack`;
