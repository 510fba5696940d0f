import type { Journal } from "./journal.js";
import type { OpenRun, RunPart } from "./open-run.js";
import { lastFailure } from "./read-run.js";
import type { RunFailure } from "./run-context.js";
import { stopped, takeBackFailed, takeBackUnplanned, undoIncomplete } from "./run-errors.js";
import type { RunPlan } from "./run-plan.js";
import { advanceSteps, undoPassing, undoSteps } from "./run-steps.js";
import { readPlan, storePlan } from "./run-store.js";

/** The point at which a deploy turned back: its counter-plan, and where that plan's lines begin. */
interface Turn {
  readonly plan: RunPlan;
  readonly from: number;
}

/**
 * The failure that the journal's last outcome is; null when something was begun or done since. A
 * deploy that was killed between its failure and its way back is not tried again: it is taken back.
 */
export function pendingFailure(journal: Journal): RunFailure | null {
  const last = journal
    .lines()
    .findLast(({ event }) => event === "intent" || event === "done" || event === "failed");
  return last?.event === "failed" ? lastFailure(journal.lines()) : null;
}

/** Reads where the run turned back; null while it goes forward. */
export async function readTurn({ plan, journal, options }: OpenRun): Promise<Turn | null> {
  const lines = journal.lines();
  const at = lines.findLastIndex((line) => line.event === "taking-back");
  const line = lines[at];
  if (line?.event !== "taking-back") return null;
  const back = await readPlan(options.stateDir, {
    id: plan.id,
    file: "plan-back.json",
    sha256Wanted: String(line.detail.planSha256),
  });
  return { plan: back, from: at + 1 };
}

/**
 * After a failed step: undoes what was done where that is enough, else plans the way back, stores
 * the plan, and goes it under the same lock.
 *
 * @throws the failing step's error after undoing; FiberError TAKE_BACK_FAILED, UNDO_INCOMPLETE
 */
export async function planWayBack(
  run: OpenRun,
  forward: RunPart,
  { error, failure }: { readonly error: unknown; readonly failure: RunFailure },
): Promise<void> {
  const { plan, journal, options } = run;
  let back: RunPlan | null | undefined;
  try {
    back = await options.planBack?.(forward.context, failure);
  } catch (cause) {
    await undoPassing(forward.steps, forward.ports);
    throw takeBackUnplanned(plan, failure, cause);
  }
  if (back === null || back === undefined) {
    await undoAll(plan, forward);
    await journal.write({ event: "end", detail: { outcome: "failed", ...failure } });
    throw error;
  }
  const planSha256 = await storePlan(options.stateDir, {
    id: plan.id,
    plan: back,
    file: "plan-back.json",
  });
  await journal.write({ event: "taking-back", detail: { ...failure, planSha256 } });
  options.observe?.({ event: "taking-back", plan: back, failure });
  await takeBack(run, { plan: back, from: journal.lines().length });
}

/** Goes the way back, from wherever it stopped. */
export async function takeBack(run: OpenRun, turn: Turn): Promise<void> {
  const { steps, ports } = run.backward(turn.plan, turn.from);
  const advance = await advanceSteps(steps, ports);
  if (advance.kind === "done") {
    return await run.journal.write({ event: "end", detail: { outcome: "taken-back" } });
  }
  if (advance.kind === "stopped") {
    await ports.journal.write({ event: "stopped", step: advance.step.id });
    await undoPassing(steps, ports);
    throw stopped(run.plan, advance.step.id);
  }
  await undoPassing(steps, ports);
  throw takeBackFailed(run.plan, pendingFailure(ports.journal), advance.error);
}

/** Undoes every step; @throws FiberError UNDO_INCOMPLETE when something stays */
export async function undoAll(plan: RunPlan, { steps, ports }: RunPart): Promise<void> {
  const left = await undoSteps(steps, ports);
  if (left.length > 0) throw undoIncomplete(plan, left);
}
