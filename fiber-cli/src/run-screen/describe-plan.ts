import { formatDuration, type RunPlan } from "#rollback";
import { formatTable, paint } from "../terminal.js";

/** A plan for people: what, why, what is lost, how long, and every step with its commands. */
export function describePlan(plan: RunPlan, stream?: NodeJS.WriteStream): string {
  const { kind, from, to, level, why, loss, outage, estimate, pointOfNoReturn, warnings } = plan;
  const bold = (text: string) => paint("bold", text, stream);
  const facts = [
    ["level", `${level}, because ${why}`],
    ["loss", loss.statement],
    [
      "outage",
      `reads about ${inWords(outage.readsMs)}, ingest about ${inWords(outage.ingestMs)} (senders keep their samples)`,
    ],
    ["takes", `about ${inWords(estimate.ms)} (${estimate.basis})`],
    [
      "back",
      pointOfNoReturn === null
        ? "every step can be taken back: fiber rollback abort"
        : `until step ${pointOfNoReturn}: fiber rollback abort`,
    ],
  ];
  return [
    bold(`${titleOf(kind)} ${from ?? "nothing"} → ${to ?? "nothing"}`),
    formatTable(facts.map(([name = "", text = ""]) => [`  ${name}`, text])),
    ...(loss.tables.length === 0 ? [] : ["", indent(describeLoss(loss.tables))]),
    ...warnings.map((warning) => `  ${paint("yellow", "!", stream)} ${warning}`),
    "",
    ...plan.steps.flatMap((step, index) => [
      `  ${String(index + 1).padStart(2)}. ${step.title}${step.loses === null ? "" : ` (loses ${step.loses})`}`,
      ...step.commands.map((command) => `        ${paint("dim", shellWords(command), stream)}`),
    ]),
  ].join("\n");
}

/** Milliseconds for people: "90 ms", "2 min 5 s". */
export function inWords(ms: number): string {
  return ms < 1_000 ? `${Math.round(ms)} ms` : formatDuration(ms / 1_000);
}

function titleOf(kind: RunPlan["kind"]): string {
  if (kind === "deploy") return "Deploy";
  return kind === "undo" ? "Undo the last rollback:" : "Roll back";
}

function describeLoss(tables: RunPlan["loss"]["tables"]): string {
  return formatTable([
    ["TABLE", "ROWS", "FATE", "HOW"],
    ...tables.map(({ table, rows, fate, how }) => [table, rows.toLocaleString("en"), fate, how]),
  ]);
}

/** A command as it can be pasted into a shell. */
export function shellWords(command: readonly string[]): string {
  return command
    .map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`))
    .join(" ");
}

function indent(text: string): string {
  return text.replaceAll(/^/gm, "  ");
}
