import { join } from "node:path";
import { counterCommand, type RunRecord, type StepRecord } from "#rollback";
import { paint } from "../terminal.js";
import { inWords } from "./describe-plan.js";

/** The final screen: what happened, what was lost, how to undo it, where the report is. */
export function describeOutcome(run: RunRecord, stateDir: string): string {
  const { plan, takenBackBy, failure } = run;
  const last = takenBackBy ?? run;
  return [
    headline(run),
    ...(failure === null || run.state === "done" ? [] : [`  why     ${failure.message}`]),
    ...(takenBackBy === undefined ? [] : [`  back    ${takenBackBy.plan.why}`]),
    `  lost    ${lossOf(last.plan.loss, last.steps)}`,
    ...gapOf(last.steps),
    `  took    ${inWords(run.durationMs)}`,
    `  undo    ${undoOf(run)}`,
    `  report  ${reportOf(run, stateDir)}`,
    ...unprunedOf(run.steps),
    `  steps   fiber runs show ${plan.id}`,
  ].join("\n");
}

function headline({ plan, state, takenBackBy }: RunRecord): string {
  switch (state) {
    case "done":
      return paint("green", `${plan.to} runs and is verified.`);
    case "taken-back":
      return paint(
        "yellow",
        `${plan.to} failed and was taken back by itself: ${takenBackBy?.plan.to} runs and is verified.`,
      );
    case "aborted":
      return paint("yellow", `The ${plan.kind} to ${plan.to} was taken back.`);
    default:
      return paint("red", `The ${plan.kind} to ${plan.to} did not end: ${run(state)}.`);
  }
}

const run = (state: RunRecord["state"]) => (state === "failed" ? "a step failed" : state);

function lossOf(loss: RunRecord["plan"]["loss"], steps: readonly StepRecord[]): string {
  const restored = detailOf(steps, "record").restored as
    | { readonly carried?: number; readonly suspect?: number; readonly quarantine?: string }
    | null
    | undefined;
  if (restored?.quarantine === undefined) return loss.statement;
  const carried = restored.carried ?? 0;
  const suspect = restored.suspect ?? 0;
  return [
    `nothing that was acknowledged; ${carried.toLocaleString("en")} rows were carried over`,
    ...(suspect > 0 ? [`, ${suspect.toLocaleString("en")} of them look wrong`] : []),
    `. What was replaced is kept as ${restored.quarantine}.`,
  ].join("");
}

function gapOf(steps: readonly StepRecord[]): readonly string[] {
  const { gapMs } = detailOf(steps, "switch");
  return typeof gapMs === "number" ? [`  gap     at most ${inWords(gapMs)} without answers`] : [];
}

function undoOf({ plan, state, resumable }: RunRecord): string {
  if (state === "done" && plan.kind === "rollback") return "fiber rollback undo";
  if (state === "done") return counterCommand(plan);
  if (state === "taken-back" || state === "aborted") return "nothing is left to undo";
  if (!resumable) return "nothing is left to undo; what runs: fiber status";
  return "fiber rollback abort; to go on: fiber rollback resume";
}

function reportOf({ plan, steps, takenBackBy }: RunRecord, stateDir: string): string {
  const { incident, problem } = detailOf(takenBackBy?.steps ?? steps, "report");
  if (typeof problem === "string") return `could not be written: ${problem}`;
  if (typeof incident !== "string")
    return `none was opened; the journal: fiber runs show ${plan.id}`;
  return join(stateDir, "incidents", incident, "report.md");
}

/** Folders of old releases that a deploy could not remove: they take room until somebody does. */
function unprunedOf(steps: readonly StepRecord[]): readonly string[] {
  const pruned = detailOf(steps, "record").pruned as
    | { readonly kept: readonly { readonly tag: string }[]; readonly problem?: string }
    | null
    | undefined;
  if (typeof pruned?.problem === "string") return [`  old     not removed: ${pruned.problem}`];
  const tags = (pruned?.kept ?? []).map(({ tag }) => tag);
  return tags.length === 0 ? [] : [`  old     folders not removed: ${tags.join(", ")}`];
}

function detailOf(steps: readonly StepRecord[], id: string): Readonly<Record<string, unknown>> {
  return steps.find((step) => step.id === id)?.detail ?? {};
}
