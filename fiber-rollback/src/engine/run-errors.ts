import { FiberError } from "#contracts";
import type { RunFailure } from "./run-context.js";
import type { RunPlan } from "./run-plan.js";

/** What to type to go back from a run that cannot be undone any more. */
export function counterCommand({ kind, from }: RunPlan): string {
  return kind === "deploy" && from !== null ? `fiber rollback --to ${from}` : "fiber rollback undo";
}

/** Abort after the point of no return. */
export function pastPivot(plan: RunPlan): FiberError {
  return new FiberError(
    "RUN_PAST_PIVOT",
    `Run ${plan.id} is past its step "${plan.pointOfNoReturn ?? "pivot"}", from which on there is ` +
      `only forward. Finish it with fiber rollback resume; then go back with ${counterCommand(plan)}.`,
  );
}

/** Abort while a deploy is being taken back: that is the way back already. */
export function takingBackAlready(plan: RunPlan): FiberError {
  return new FiberError(
    "RUN_PAST_PIVOT",
    `Run ${plan.id} is being taken back already. Finish that with fiber rollback resume.`,
  );
}

/** The signal was aborted between two steps. */
export function stopped(plan: RunPlan, step: string): FiberError {
  return new FiberError(
    "RUN_STOPPED",
    `Run ${plan.id} was stopped before step "${step}" was done. Go on with fiber rollback resume, or ` +
      "take it back with fiber rollback abort.",
  );
}

/** The failure as an error again, for a run that was killed before it could be told. */
export function asError({ code, message }: RunFailure): FiberError {
  return new FiberError(code, message);
}

/** Undoing left something behind. */
export function undoIncomplete(plan: RunPlan, steps: readonly string[]): FiberError {
  return new FiberError(
    "UNDO_INCOMPLETE",
    `Run ${plan.id}: ${steps.join(", ")} could not be undone; see fiber runs show ${plan.id}. Mend ` +
      "the cause, then undo the rest with fiber rollback abort.",
  );
}

/** The way back could not be planned. */
export function takeBackUnplanned(plan: RunPlan, failure: RunFailure, cause: unknown): FiberError {
  return new FiberError(
    "TAKE_BACK_FAILED",
    `Step "${failure.step}" of ${plan.id} failed (${failure.message}), and the way back could not be ` +
      `planned: ${messageOf(cause)}. Mend the cause, then fiber rollback resume takes it back.`,
    { cause },
  );
}

/** The way back stopped too. */
export function takeBackFailed(
  plan: RunPlan,
  failure: RunFailure | null,
  cause: unknown,
): FiberError {
  const why = failure === null ? "" : ` at step "${failure.step}"`;
  return new FiberError(
    "TAKE_BACK_FAILED",
    `Taking ${plan.id} back stopped${why}: ${messageOf(cause)}. Mend the cause, then go on with ` +
      "fiber rollback resume.",
    { cause },
  );
}

function messageOf(err: unknown): string {
  return err instanceof Error ? err.message : String(err);
}
