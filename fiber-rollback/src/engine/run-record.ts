import type { RunFailure } from "./run-context.js";
import type { RunPlan } from "./run-plan.js";
import type { StepDetail } from "./step.js";

/** How a run stands. `failed` and `interrupted` can be resumed while `resumable` says so. */
export type RunState = "running" | "interrupted" | "done" | "failed" | "aborted" | "taken-back";

/** One step of a run as its journal tells. */
export interface StepRecord {
  readonly id: string;
  readonly title: string;
  /** `skipped`: the run ended without it. `interrupted`: begun, and nobody knows how it ended. */
  readonly state: "waiting" | "running" | "done" | "failed" | "undone" | "interrupted" | "skipped";
  /** ISO 8601; null while it was not begun. */
  readonly startedAt: string | null;
  /** Measured with a clock that never jumps; null while it is not over. */
  readonly durationMs: number | null;
  /** What the step left, or how a running one stands. */
  readonly detail: StepDetail | null;
  readonly error: { readonly code: string; readonly message: string } | null;
}

/** One run, read from its folder. */
export interface RunRecord {
  readonly plan: RunPlan;
  readonly state: RunState;
  /** Whether `resumeRun` would go on with it. */
  readonly resumable: boolean;
  readonly steps: readonly StepRecord[];
  /** ISO 8601. */
  readonly startedAt: string;
  readonly endedAt: string | null;
  /** Sum of the steps' durations, in milliseconds. */
  readonly durationMs: number;
  /** In one sentence for people; null while it runs. */
  readonly outcome: string | null;
  /** The step that failed last, if any. */
  readonly failure: RunFailure | null;
  /** The plan that takes the deploy back, and how far it is. */
  readonly takenBackBy?: { readonly plan: RunPlan; readonly steps: readonly StepRecord[] };
}
