import { FiberError } from "#contracts";
import type { Logger } from "#runtime";
import type { Journal } from "./journal.js";
import type { Step, StepDetail } from "./step.js";

/** Told of every change of a step, once it is in the journal. */
export type StepObserver = (event: {
  readonly step: string;
  readonly title: string;
  readonly event: "intent" | "done" | "found-done" | "failed" | "undone";
  readonly detail?: StepDetail;
}) => void;

/** What a run needs besides its steps. */
export interface RunPorts {
  readonly journal: Journal;
  readonly log: Logger;
  readonly observe: StepObserver;
  /** Called before each step: a lock that was lost is taken again, or the run stops. */
  readonly assertLocked: () => Promise<void>;
}

/**
 * Runs steps in order, writing intent before effect and outcome after. Steps that the journal
 * knows as done are skipped; an intent without an outcome means nothing: `check` decides. When a
 * step fails, compensable steps that pass by themselves are taken back, so that nothing stays
 * closed; a later call goes on where this one stopped.
 *
 * @throws the failing step's error, or FiberError with the code of a step that is blocked
 */
export async function runSteps(steps: readonly Step[], ports: RunPorts): Promise<void> {
  const { journal, observe } = ports;
  for (const [index, step] of steps.entries()) {
    // Behind the pivot there is nothing to keep up any more.
    if (isBeforePassedPivot(steps, index, journal)) continue;
    if (step.lasting && journal.outcome(step.id) !== null) continue;
    await ports.assertLocked();
    try {
      await runOne(step, ports);
    } catch (err) {
      const message = err instanceof Error ? err.message : String(err);
      await journal.write({ event: "failed", step: step.id, detail: { message } });
      observe({ step: step.id, title: step.title, event: "failed", detail: { message } });
      const passing = steps.slice(0, index + 1).filter((one) => !one.lasting);
      if (!hasPassedPivot(steps, journal)) await undoSteps(passing, ports);
      throw err;
    }
  }
}

/**
 * Takes back what was done, last first; steps without an effect are left alone. A failing undo is
 * logged and does not keep the others back.
 */
export async function undoSteps(
  steps: readonly Step[],
  ports: Pick<RunPorts, "journal" | "log" | "observe">,
): Promise<void> {
  const { journal, log, observe } = ports;
  for (const step of [...steps].reverse()) {
    const touched = journal.lines().some((line) => "step" in line && line.step === step.id);
    if (step.undo === undefined || !touched) continue;
    try {
      await step.undo();
      await journal.write({ event: "undone", step: step.id });
      observe({ step: step.id, title: step.title, event: "undone" });
    } catch (err) {
      log.error({ err, step: step.id }, "taking a step back failed");
    }
  }
}

/** Whether a run is past the step from which on there is only forward. */
export function hasPassedPivot(steps: readonly Step[], journal: Journal): boolean {
  return steps.some((step) => step.kind === "pivot" && journal.outcome(step.id) !== null);
}

function isBeforePassedPivot(steps: readonly Step[], index: number, journal: Journal): boolean {
  return steps
    .slice(index)
    .some((step) => step.kind === "pivot" && journal.outcome(step.id) !== null);
}

async function runOne(step: Step, { journal, log, observe }: RunPorts): Promise<void> {
  const found = await step.check();
  if (found.state === "blocked") throw new FiberError(found.code, found.why);
  if (found.state === "done") {
    if (journal.outcome(step.id) !== null) return;
    const detail = found.detail ?? {};
    await journal.write({ event: "done", step: step.id, detail });
    observe({ step: step.id, title: step.title, event: "found-done", detail });
    return;
  }
  await journal.write({ event: "intent", step: step.id });
  observe({ step: step.id, title: step.title, event: "intent" });
  const startedAt = performance.now();
  const outcome = await step.run();
  await step.verify();
  const detail = { ...outcome, durationMs: Math.round(performance.now() - startedAt) };
  await journal.write({ event: "done", step: step.id, detail });
  log.info({ step: step.id, durationMs: detail.durationMs }, "step done");
  observe({ step: step.id, title: step.title, event: "done", detail });
}
