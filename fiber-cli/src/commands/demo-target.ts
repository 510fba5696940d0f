import { Command } from "commander";

/** `fiber demo-target`: the demo's local server that delays, jitters and drops. Hidden. */
export function demoTargetCommand(): Command {
  return new Command("demo-target")
    .description("serve the demo's local targets in the foreground")
    .action(async () => (await import("../actions/demo-target.js")).runDemoTarget());
}
