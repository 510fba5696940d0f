import { formatBytes, formatDuration } from "../progress.js";
import type { Incident } from "./incident-file.js";
import { sparkline } from "./sparkline.js";

/** File name of a probe's graph beside the report. */
export function graphName(nodeId: string): string {
  return `graph-${nodeId}.svg`;
}

/** The incident as Markdown, for whoever was not there: what happened, what was lost, what is left to do. */
export function renderReport(incident: Incident): string {
  const parts = [
    head(incident),
    summary(incident),
    loss(incident),
    gates(incident),
    probes(incident),
    rootCause(incident),
    timeline(incident),
    commands(incident),
    backup(incident),
    checklist(incident),
    contacts(incident),
  ];
  return `${parts.filter((part) => part !== "").join("\n\n")}\n`;
}

function head({ title, id, closedAt, closedBy, openedAt }: Incident): string {
  const state =
    closedAt === null
      ? "**open**: the checklist below is not finished"
      : `closed ${stamp(closedAt)} by ${inline(closedBy ?? "unknown")}`;
  return `# ${inline(title)}\n\nIncident \`${id}\`, opened ${stamp(openedAt)}, ${state}.`;
}

function summary({ run, severity, project }: Incident): string {
  const rows = [
    ["Project", project],
    ["Outcome", run.outcome],
    ["State now", severity === "resolved" ? "service restored and verified" : "needs a hand"],
    ["From", run.from ?? "nothing"],
    ["To", run.to ?? "nothing"],
    ["Level", `${run.level}: ${run.why}`],
    ["Began", stamp(run.startedAt)],
    ["Ended", `${stamp(run.endedAt)}, after ${span(run.startedAt, run.endedAt)}`],
    ["Run by", `${run.operator} on ${run.host}`],
    ["Reason given", run.reason ?? "none"],
  ];
  return `## Summary\n\n${table(["", ""], rows)}`;
}

function loss({ loss: lost }: Incident): string {
  const rows = lost.tables.map((one) => [one.table, count(one.rows), one.fate, one.how]);
  const list =
    rows.length === 0 ? "" : `\n\n${table(["Table", "Rows", "What became of them", "How"], rows)}`;
  return `## What was lost\n\n${inline(lost.statement)}${list}`;
}

function gates({ gates: found }: Incident): string {
  if (found.length === 0) return "";
  const rows = found.map((gate) => [gate.title, gate.verdict, gate.value]);
  return `## Verification\n\n${table(["Gate", "Verdict", "Last value"], rows)}`;
}

function probes({ probes: seen }: Incident): string {
  const title = "## What the probes saw";
  if (seen === null) {
    return `${title}\n\nNot known: the samples could not be read when this report was made.`;
  }
  if (seen.nodes.length === 0) return `${title}\n\nNo probe measured between ${window(seen)}.`;
  const gapRows = seen.nodes.map((node) => {
    const gapMs = Date.parse(node.gapEnd) - Date.parse(node.gapStart);
    const missed = Math.max(0, Math.round(gapMs / node.intervalMs) - 1);
    return [
      node.nodeId,
      node.region,
      count(node.samples),
      `${formatDuration(gapMs / 1_000)} (${clock(node.gapStart)}–${clock(node.gapEnd)})`,
      missed === 0 ? "none" : `${missed} of its rounds, one every ${node.intervalMs / 1_000} s`,
    ];
  });
  const graphs = seen.nodes.map((node) =>
    [
      `### ${inline(node.nodeId)}`,
      `![RTT and loss of ${node.nodeId} before, during and after the run](${graphName(node.nodeId)})`,
      `\`\`\`text\nRTT   ${sparkline(node.rttMs)}  ${range(node.rttMs, "ms")}\nloss  ${sparkline(
        node.lossPct,
      )}  ${range(node.lossPct, "%")}\n\`\`\``,
    ].join("\n\n"),
  );
  return [
    title,
    `Between ${window(seen)}; the run was from ${clock(seen.runStart)} to ${clock(seen.runEnd)}. A dot is time without a sample: unknown, neither up nor down.`,
    table(["Probe", "Region", "Samples", "Longest silence", "Missing"], gapRows),
    ...graphs,
  ].join("\n\n");
}

function rootCause({ cause, checklist: items }: Incident): string {
  const found = items.find((item) => item.id === "root-cause");
  const failed = cause.failure === null ? "" : `What failed first: ${inline(cause.failure)}\n\n`;
  const rows = cause.suspects.map((one) => [
    `\`${one.commit.slice(0, 12)}\``,
    one.subject,
    one.author,
    one.at.slice(0, 10),
    one.why ?? "",
  ]);
  const list =
    rows.length === 0 ? "" : `${table(["Commit", "Subject", "Author", "Date", "Why"], rows)}\n\n`;
  const answer = found?.note == null ? "_To be written by whoever finds it._" : inline(found.note);
  return `## Root cause\n\n${failed}${list}${inline(cause.note)}\n\n**Finding:** ${answer}`;
}

function timeline({ timeline: lines }: Incident): string {
  const rows = lines.map((line) => [clock(line.at), line.state, line.what, line.detail ?? ""]);
  return `## Timeline\n\nTimes are UTC.\n\n${table(["Time", "", "What", "Detail"], rows)}`;
}

function commands({ commands: list }: Incident): string {
  if (list.length === 0) return "";
  const rows = list.map((one) => [
    one.step,
    `\`${one.command.replaceAll("`", "'")}\``,
    one.exitCode === null ? "not recorded" : String(one.exitCode),
    one.durationMs === null ? "" : `${(one.durationMs / 1_000).toFixed(1)} s`,
  ]);
  return `## Commands\n\n${table(["Step", "Command", "Exit code", "Took"], rows)}`;
}

function backup({ backup: found }: Incident): string {
  if (found === null) return "## Backup\n\nNo backup with a manifest was found for these releases.";
  return [
    "## Backup",
    "",
    `\`${found.path}\`, ${formatBytes(found.sizeBytes)}, taken ${stamp(found.createdAt)}`,
    "",
    `SHA-256 \`${found.sha256}\``,
  ].join("\n");
}

function checklist({ id, checklist: items }: Incident): string {
  const lines = items.map((item) => {
    const done =
      item.doneAt === null ? "" : `: ${stamp(item.doneAt)}, ${inline(item.doneBy ?? "unknown")}`;
    const note = item.note === null || item.id === "root-cause" ? "" : `. ${inline(item.note)}`;
    return `- [${item.doneAt === null ? " " : "x"}] ${item.title} \`${item.id}\`${done}${note}`;
  });
  return `## Post-incident checklist\n\n${lines.join("\n")}\n\nTick off with \`fiber incident check ${id} ITEM --note "…"\`, end with \`fiber incident close ${id}\`.`;
}

function contacts({ contacts: list }: Incident): string {
  if (list.length === 0) return "";
  const rows = list.map((one) => [one.role, one.contact]);
  return `## Emergency contacts\n\n${table(["Role", "Contact"], rows)}`;
}

function table(names: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [
    line(names),
    line(names.map(() => "---")),
    ...rows.map((row) => line(row.map(inline))),
  ].join("\n");
}

/** Text that stays in its cell and is no markup, but for what stands between back ticks. */
function inline(text: string): string {
  const flat = text.replaceAll(/\s+/g, " ").trim().replaceAll("|", "\\|");
  if (/^`[^`]*`$/.test(flat)) return flat;
  return flat.replaceAll("<", "&lt;").replaceAll(/([*_[\]])/g, "\\$1");
}

function range(values: readonly (number | null)[], unit: string): string {
  const known = values.filter((value) => value !== null);
  if (known.length === 0) return "nothing answered";
  return `${Math.min(...known).toFixed(1)} to ${Math.max(...known).toFixed(1)} ${unit}`;
}

const window = (seen: NonNullable<Incident["probes"]>) =>
  `${clock(seen.start)} and ${clock(seen.end)} UTC`;
const stamp = (iso: string) => `${iso.slice(0, 10)} ${clock(iso)} UTC`;
const clock = (iso: string) => iso.slice(11, 19);
const count = (value: number) => value.toLocaleString("en");
const span = (from: string, to: string) =>
  formatDuration((Date.parse(to) - Date.parse(from)) / 1_000);
