import { Command } from "commander";

/** `fiber probe`: measures the targets of a probe.yaml and pushes the results. */
export function probeCommand(): Command {
  return new Command("probe")
    .description("measure the targets of a probe.yaml and push the results")
    .option("-c, --config <file>", "the probe's configuration", process.env.FIBER_PROBE_CONFIG)
    .addHelpText(
      "after",
      `
Environment:
  FIBER_PROBE_CONFIG   the configuration file (default: probe.yaml)
  FIBER_PROBE_TOKEN    the probe's token, as \`fiber token issue\` printed it

HUP makes it read its configuration again; a file that is not usable changes nothing.

Example:
  FIBER_PROBE_TOKEN=fbr_… fiber probe --config probe.yaml`,
    )
    .action(async (options: { config?: string }) =>
      (await import("../actions/probe.js")).runProbe(options),
    );
}
