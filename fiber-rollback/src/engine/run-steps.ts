import { FiberError } from "#contracts";
import type { Logger } from "#runtime";
import type { Journal } from "./journal.js";
import type { Step, StepDetail } from "./step.js";

/** A change of a step. */
export interface StepEvent {
  readonly step: string;
  readonly title: string;
  readonly event: "intent" | "done" | "found-done" | "failed" | "undone";
  readonly detail?: StepDetail;
}

/** Told of every change of a step, once it is in the journal. */
export type StepObserver = (event: StepEvent) => void;

/** What running steps needs besides the steps. */
export interface StepPorts {
  readonly journal: Journal;
  readonly log: Logger;
  readonly observe: StepObserver;
  /** Called before each step: a lock that was lost is taken again, or the run stops. */
  readonly assertLocked: (step: Step) => Promise<void>;
  /** Once aborted, no further step is begun. */
  readonly signal?: AbortSignal;
}

/** How far steps came. */
export type Advance =
  | { readonly kind: "done" }
  | { readonly kind: "failed"; readonly step: Step; readonly error: unknown }
  /** The signal was aborted; `step` is the one to go on with. */
  | { readonly kind: "stopped"; readonly step: Step };

/** Without its journal or its lock a run may not even write down that it failed. */
const FATAL = new Set(["JOURNAL_UNWRITABLE", "LOCK_LOST"]);

/**
 * Runs steps in order, writing intent before effect and outcome after, until one fails. Steps that
 * the journal knows as done are skipped; an intent without an outcome means nothing: `check` decides.
 *
 * @throws FiberError JOURNAL_UNWRITABLE, LOCK_LOST
 */
export async function advanceSteps(steps: readonly Step[], ports: StepPorts): Promise<Advance> {
  const { journal, signal } = ports;
  for (const [index, step] of steps.entries()) {
    // Behind the pivot there is nothing to keep up any more.
    if (hasPassedPivot(steps.slice(index), journal)) continue;
    if (step.lasting && journal.outcome(step.id) !== null) continue;
    if (isAborted(signal)) return { kind: "stopped", step };
    const startedAt = performance.now();
    try {
      await ports.assertLocked(step);
      await runOne(step, ports);
    } catch (error) {
      if (error instanceof FiberError && FATAL.has(error.code)) throw error;
      if (isAborted(signal)) return { kind: "stopped", step };
      await noteFailure(step, error, { ports, startedAt });
      return { kind: "failed", step, error };
    }
  }
  return { kind: "done" };
}

/**
 * Like {@link advanceSteps}; when a step fails, compensable steps that pass by themselves are taken
 * back, so that nothing stays closed; a later call goes on where this one stopped.
 *
 * @throws the failing step's error, or FiberError with the code of a step that is blocked
 */
export async function runSteps(steps: readonly Step[], ports: StepPorts): Promise<void> {
  const advance = await advanceSteps(steps, ports);
  if (advance.kind === "done") return;
  await undoPassing(steps, ports);
  throw advance.kind === "failed" ? advance.error : ports.signal?.reason;
}

/** Takes back what would pass by itself (a fence), so that a run that stopped closes nothing. */
export async function undoPassing(steps: readonly Step[], ports: StepPorts): Promise<void> {
  if (hasPassedPivot(steps, ports.journal)) return;
  const passing = steps.filter((step) => !step.lasting);
  await undoSteps(passing, ports);
}

/**
 * Takes back what was done, last first; steps without an effect are left alone, and so are those
 * that were found done: their effect is not this run's. A failing undo is logged and journaled and
 * does not keep the others back. Returns the steps whose undo failed.
 */
export async function undoSteps(
  steps: readonly Step[],
  ports: Pick<StepPorts, "journal" | "log" | "observe">,
): Promise<readonly string[]> {
  const { journal, log, observe } = ports;
  const failed: string[] = [];
  for (const step of [...steps].reverse()) {
    if (step.undo === undefined || !isBegun(step.id, journal)) continue;
    try {
      await step.undo();
    } catch (err) {
      log.error({ err, step: step.id }, "taking a step back failed");
      const { code, message } = describeError(err);
      await journal.write({ event: "undo-failed", step: step.id, detail: { code, message } });
      failed.push(step.id);
      continue;
    }
    await journal.write({ event: "undone", step: step.id });
    observe({ step: step.id, title: step.title, event: "undone" });
  }
  return failed;
}

/** Whether a run is past the step from which on there is only forward. */
export function hasPassedPivot(steps: readonly Step[], journal: Journal): boolean {
  return steps.some((step) => step.kind === "pivot" && journal.outcome(step.id) !== null);
}

/** Code and message of anything that was thrown. */
function describeError(err: unknown): { readonly code: string; readonly message: string } {
  const code = (err as { code?: unknown } | null)?.code;
  return {
    code: typeof code === "string" ? code : "FAILED",
    message: err instanceof Error ? err.message : String(err),
  };
}

/** Whether a step was begun by this run and not taken back since. */
function isBegun(id: string, journal: Journal): boolean {
  const events = journal.lines().filter((line) => "step" in line && line.step === id);
  const undone = events.findLastIndex((line) => line.event === "undone");
  return events.slice(undone + 1).some((line) => line.event === "intent");
}

async function noteFailure(
  step: Step,
  error: unknown,
  { ports, startedAt }: { readonly ports: StepPorts; readonly startedAt: number },
): Promise<void> {
  const detail = { ...describeError(error), durationMs: elapsed(startedAt) };
  await ports.journal.write({ event: "failed", step: step.id, detail });
  ports.log.warn({ err: error, step: step.id }, "step failed");
  ports.observe({ step: step.id, title: step.title, event: "failed", detail });
}

async function runOne(step: Step, { journal, log, observe }: StepPorts): Promise<void> {
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
  const detail = { ...outcome, durationMs: elapsed(startedAt) };
  await journal.write({ event: "done", step: step.id, detail });
  log.info({ step: step.id, durationMs: detail.durationMs }, "step done");
  observe({ step: step.id, title: step.title, event: "done", detail });
}

function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}

function elapsed(since: number): number {
  return Math.round(performance.now() - since);
}
