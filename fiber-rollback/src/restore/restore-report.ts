import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { TableOutcome } from "#db";
import { formatDuration } from "../progress.js";
import type { RestoreContext } from "./restore-context.js";
import type { RestorePlan } from "./restore-plan.js";

/** What a restore did, in figures. */
export interface RestoreReport {
  readonly format: 1;
  readonly id: string;
  readonly source: RestorePlan["source"];
  readonly quarantine: string;
  readonly keepUntil: string;
  readonly tables: readonly TableOutcome[];
  /** Rows of the old database that are in the quarantine only, by why. */
  readonly notCarried: { readonly refused: number; readonly leftSuspect: number };
  /** What the restored schema does not know, with the rows that were exported beside this report. */
  readonly exported: Readonly<Record<string, number>>;
  /** How long readers could not connect, as the swap itself saw it. */
  readonly outageMs: number;
  /** Sessions that were ended because they kept a lock. */
  readonly endedSessions: readonly string[];
  readonly durationMs: Readonly<Record<string, number>>;
}

/** Where a run's report lies. */
export function reportPath({ folder }: Pick<RestoreContext, "folder">): string {
  return join(folder, "report.json");
}

/** Reads a finished run's report. */
export async function readReport(context: RestoreContext): Promise<RestoreReport> {
  return JSON.parse(await readFile(reportPath(context), "utf8")) as RestoreReport;
}

/** Puts a run's report together from its journal and its rounds. */
export function makeReport(
  { plan, journal }: RestoreContext,
  tables: readonly TableOutcome[],
): RestoreReport {
  const done = (step: string) => journal.outcome(step) ?? {};
  const texts = (value: unknown) => (Array.isArray(value) ? value.map(String) : []);
  const swap = done("switch");
  return {
    format: 1,
    id: plan.id,
    source: plan.source,
    quarantine: plan.quarantine,
    keepUntil: plan.keepUntil,
    tables,
    notCarried: {
      refused: tables.reduce((sum, table) => sum + table.refused, 0),
      leftSuspect: tables.reduce((sum, table) => sum + table.left, 0),
    },
    exported: (done("carry").exported ?? {}) as Record<string, number>,
    outageMs: Number(swap.outageMs ?? 0),
    endedSessions: [...texts(done("fence").ended), ...texts(swap.endedWriters)],
    durationMs: Object.fromEntries(
      plan.steps.map(({ id }) => [id, Number(done(id).durationMs ?? 0)]),
    ),
  };
}

/** A report for people. */
export function formatReport(report: RestoreReport): string {
  const count = (value: number | null) => (value === null ? "-" : value.toLocaleString("en"));
  const head = [
    "table",
    "carried over",
    "newer taken",
    "ended",
    "came back",
    "differing",
    "suspect",
    "refused",
  ];
  const rows = report.tables
    .filter((table) => table.class === "append" || table.class === "state" || table.carried > 0)
    .map((one) => [
      one.table,
      count(one.carried),
      count(one.newer),
      count(one.ended),
      count(one.returned),
      count(one.differing),
      `${count(one.suspect)}${one.left > 0 ? " (left)" : ""}`,
      `${count(one.refused)}${one.problem === null ? "" : ` (${one.problem})`}`,
    ]);
  const exported = Object.entries(report.exported).map(
    ([what, lines]) =>
      `Exported, because the restored schema does not know it: ${what}, ${count(lines)} rows.`,
  );
  const total = Object.values(report.durationMs).reduce((sum, ms) => sum + ms, 0);
  return [
    alignColumns([head, ...rows]),
    "",
    ...exported,
    `Reads failed for about ${report.outageMs} ms; the whole took ${formatDuration(total / 1_000)}.`,
    ...report.endedSessions.map((session) => `Ended, because it kept a lock: session ${session}.`),
    `The replaced database is kept as ${report.quarantine} until ${report.keepUntil}.`,
    "Take it back with: fiber restore --undo",
  ].join("\n");
}

/** Rows of texts as columns: the first left, the others right. */
export function alignColumns(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
