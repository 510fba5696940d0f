import { z } from "zod";
import type { JournalLine } from "../engine/journal.js";
import type { RunPlan } from "../engine/run-plan.js";
import type { RunRecord } from "../engine/run-record.js";
import type { Incident } from "./incident-file.js";

/** A step that runs commands leaves them in its detail as `commands`, secrets redacted. */
const ranCommandsSchema = z.object({
  commands: z.array(
    z.object({
      command: z.array(z.string()),
      exitCode: z.int().nullable(),
      durationMs: z.number().nullable().default(null),
    }),
  ),
});

type Line = Incident["timeline"][number];

/** A run's journal in words, in the order in which things happened. */
export function timelineOf(run: RunRecord, lines: readonly JournalLine[]): readonly Line[] {
  let plan: RunPlan = run.plan;
  return lines.map((line): Line => {
    if (line.event === "taking-back" && run.takenBackBy !== undefined) plan = run.takenBackBy.plan;
    if (!("step" in line)) {
      const detail = "detail" in line ? sayDetail(line.detail) : null;
      return { at: line.at, what: WHOLE_RUN[line.event], state: "note", detail };
    }
    const what = plan.steps.find((step) => step.id === line.step)?.title ?? line.step;
    const detail = "detail" in line ? sayDetail(line.detail) : null;
    return { at: line.at, what, state: STATES[line.event], detail };
  });
}

const WHOLE_RUN = {
  begin: "The run began",
  resume: "The run was resumed",
  abort: "The run was to be aborted",
  "taking-back": "Taking the deploy back began",
  end: "The run ended",
} as const;

const STATES = {
  intent: "begun",
  done: "done",
  failed: "failed",
  undone: "undone",
  "undo-failed": "failed",
  stopped: "note",
} as const;

/** What ran, with exit codes; planned commands of steps that recorded none follow their step. */
export function commandsOf(run: RunRecord): readonly Incident["commands"][number][] {
  const parts = [{ plan: run.plan, steps: run.steps }];
  if (run.takenBackBy !== undefined) parts.push(run.takenBackBy);
  return parts.flatMap(({ plan, steps }) =>
    steps.flatMap((step) => {
      const ran = ranCommandsSchema.safeParse(step.detail);
      if (ran.success) {
        return ran.data.commands.map((one) => ({
          step: step.id,
          command: one.command.join(" "),
          exitCode: one.exitCode,
          durationMs: one.durationMs,
        }));
      }
      if (step.state === "waiting" || step.state === "skipped") return [];
      const planned = plan.steps.find((one) => one.id === step.id)?.commands ?? [];
      return planned.map((command) => ({
        step: step.id,
        command: command.join(" "),
        exitCode: null,
        durationMs: null,
      }));
    }),
  );
}

/** Keys that say nothing to people, or that other parts of the report show. */
const LEFT_OUT = new Set(["commands", "gates", "planSha256", "chain", "before", "standing"]);

/** A step's detail as a few words: scalars only, durations in seconds. */
function sayDetail(detail: Readonly<Record<string, unknown>>): string | null {
  if (typeof detail.message === "string") return detail.message;
  const words = Object.entries(detail).flatMap(([key, value]) => {
    if (LEFT_OUT.has(key) || value === null) return [];
    if (key === "durationMs") return [`${(Number(value) / 1_000).toFixed(1)} s`];
    if (["string", "number", "boolean"].includes(typeof value)) return [`${key} ${String(value)}`];
    return [];
  });
  return words.length === 0 ? null : words.join(", ");
}
