import { Command, Option } from "commander";

const CHECKS = ["icmp", "tcp", "http", "dns", "tls"];

/** `fiber target`: the targets of a probe.yaml. */
export function targetCommand(): Command {
  const command = new Command("target")
    .description("list, add, remove and try the targets of a probe.yaml")
    .addHelpText(
      "after",
      `
Works on the file that --file or FIBER_PROBE_CONFIG names, else ./probe.yaml; its comments stay.
A running stack measures a changed ./probe.yaml at once; a probe elsewhere reads it on HUP.

Examples:
  fiber target add 192.0.2.10
  fiber target add https://example.net/health --expect-status 200
  fiber target add example.net:443 --check tls
  fiber target test 192.0.2.10`,
    );
  withFile(command.command("list"))
    .description("list the targets")
    .option("--json", "print the result as JSON")
    .action(async (options) => (await actions()).list(options));
  withFile(withShape(command.command("add")))
    .description("add a target; the check is guessed from the host where it can be")
    .argument("<host>", "an address or name, host:port, or an http(s) URL")
    .option("--dry-run", "print the entry and change nothing")
    .option("--json", "print the result as JSON")
    .action(async (host, options) => (await actions()).add(host, options));
  withFile(command.command("remove"))
    .description("remove a target")
    .argument("<host>", "its host or label, as the file has it")
    .addOption(new Option("--check <type>", "only this check of the host").choices(CHECKS))
    .option("--dry-run", "print what would be removed and change nothing")
    .option("-y, --yes", "do not ask")
    .option("--json", "print the result as JSON")
    .action(async (host, options) => (await actions()).remove(host, options));
  withShape(command.command("test"))
    .description("measure a target once from here and print the result; nothing is stored")
    .argument("<host>", "an address or name, host:port, or an http(s) URL")
    .option("--json", "print the result as JSON")
    .action(async (host, options) => (await actions()).test(host, options));
  return command;
}

function withFile(command: Command): Command {
  return command.option("--file <path>", "the probe.yaml to work on");
}

function withShape(command: Command): Command {
  return command
    .addOption(new Option("--check <type>", "how to measure it").choices(CHECKS))
    .option("--label <text>", "what samples call it (its host)")
    .option("--count <n>", "probes a round")
    .option("--timeout <duration>", "how long one probe waits, such as 500ms or 2s")
    .option("--expect-status <code>", "http: the status that counts as an answer");
}

function actions() {
  return import("../actions/target.js");
}
