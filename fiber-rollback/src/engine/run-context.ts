import type { Clock, Logger } from "#runtime";
import type { Progress } from "../progress.js";
import type { Journal } from "./journal.js";
import type { RunPlan } from "./run-plan.js";
import type { StepEvent } from "./run-steps.js";
import type { Step, StepDetail } from "./step.js";

/** What every step of a run works with. */
export interface RunContext {
  readonly plan: RunPlan;
  /** The run's journal; for a take-back only its own part, so that step ids never meet. */
  readonly journal: Journal;
  readonly stateDir: string;
  /** `<state>/runs/<id>`, shared by a deploy and its take-back. */
  readonly folder: string;
  /** Whether this plan takes a failed deploy back. */
  readonly takingBack: boolean;
  readonly log: Logger;
  readonly clock: Clock;
  readonly progress: Progress;
  /**
   * Tells followers how a long step stands, such as each gate's current value. Kept in
   * `<run>/standing.json`, not in the journal: it is for the eye.
   */
  readonly standing: (step: string, detail: StepDetail) => void;
  /** Aborted when the operator wants the run to stop at the next safe place. */
  readonly signal: AbortSignal;
}

/** Where a run touches data: both are needed for the database's advisory lock. */
export interface DataAccess {
  /** Connection string of a superuser in the database `postgres`. */
  readonly admin: string;
  /** The database that holds the data: "fiberstack". */
  readonly database: string;
}

/** The world outside a run. */
export interface RunPorts {
  readonly log: Logger;
  readonly clock: Clock;
  readonly progress: Progress;
  readonly signal?: AbortSignal;
  /** Null for a project without a database: steps that touch data are then refused. */
  readonly data: DataAccess | null;
}

/** A step that failed, as the journal has it. */
export interface RunFailure {
  readonly step: string;
  readonly code: string;
  readonly message: string;
}

/** What an observer hears; always after it is in the journal. */
export type RunEvent =
  | (StepEvent & { readonly part: "forward" | "back" })
  | {
      readonly event: "taking-back";
      readonly plan: RunPlan;
      readonly failure: RunFailure;
    };

/** How a run is run. */
export interface RunOptions {
  readonly stateDir: string;
  /** Makes the steps of a plan, also of a take-back's; ids and order must be the plan's. */
  readonly steps: (context: RunContext) => readonly Step[];
  /**
   * Plans the way back when a step failed; null when undoing what was done is enough. Without it
   * a failed run stops where it failed and can be resumed.
   */
  readonly planBack?: (context: RunContext, failure: RunFailure) => Promise<RunPlan | null>;
  readonly ports: RunPorts;
  readonly observe?: (event: RunEvent) => void;
  /** The run that the plan takes back: where it is unfinished, it ends when this one begins. */
  readonly supersedes?: string;
  /** Takes the lock of another host over; the reason is journaled. */
  readonly takeOver?: string;
  /** Resumes or aborts a run that another engine began, when that one is lost; journaled. */
  readonly otherEngine?: string;
}
