import { Command } from "commander";

/** `fiber incident`: what is left to do after a rollback. */
export function incidentCommand(): Command {
  const incident = new Command("incident").description(
    "incidents: the reports of rollbacks, and what is left to do after each",
  );
  incident
    .command("list", { isDefault: true })
    .description("incidents, newest first, with what is still open")
    .option("--json", "print them as JSON")
    .action(async (options) => (await import("../actions/incident.js")).listAll(options));
  incident
    .command("show")
    .argument("[id]", "the run's id, or a part of it that fits one only; the newest by default")
    .description("one incident's report (Markdown)")
    .option("--json", "print everything it is made of as JSON")
    .action(async (id: string | undefined, options) =>
      (await import("../actions/incident.js")).show(id, options),
    );
  incident
    .command("check")
    .argument("<id>", "the run's id, or a part of it that fits one only")
    .argument("<item>", "root-cause, fix, report, runbook or stakeholders")
    .description("tick an item of the post-incident checklist off")
    .option("--note <text>", "what was found or done, for the report")
    .option("--json", "print the incident as JSON")
    .action(async (id: string, item: string, options) =>
      (await import("../actions/incident.js")).check({ id, item }, options),
    );
  incident
    .command("close")
    .argument("<id>", "the run's id, or a part of it that fits one only")
    .description("close an incident whose checklist is finished")
    .option("--json", "print the incident as JSON")
    .action(async (id: string, options) =>
      (await import("../actions/incident.js")).close(id, options),
    );
  return incident.addHelpText(
    "after",
    `
Every rollback, and every deploy that took itself back, opens an incident in the state folder:
incidents/<id>/report.md with graphs of what the probes saw, and incident.json.

Exit code 3 when there is no such incident, or when a checklist is not finished.

Examples:
  fiber incident                                           what is open
  fiber incident show > report.md                          the newest report
  fiber incident check 20261122T101500Z-rollback root-cause --note "index missing"
  fiber incident close 20261122T101500Z-rollback`,
  );
}
