/** Facts that a step leaves for later steps, the report and a resumed run; plain JSON. */
export type StepDetail = Readonly<Record<string, unknown>>;

/** What a step finds when it looks, before anything is changed. */
export type StepState =
  | { readonly state: "done"; readonly detail?: StepDetail }
  | { readonly state: "needed" }
  | { readonly state: "blocked"; readonly code: string; readonly why: string };

/** One step of a run. Each may be asked again after a kill: `check` tells whether its effect is there. */
export interface Step {
  readonly id: string;
  readonly title: string;
  /** Reversible: changes nothing that anyone uses. Compensable: `undo` takes it back. Pivot: from here on only forward. */
  readonly kind: "reversible" | "compensable" | "pivot";
  /** False when its effect can pass by itself (a fence): a resumed run checks it again. */
  readonly lasting: boolean;
  /**
   * For steps that change schema or data. "locked": a run holds the database's advisory lock from
   * here on. "locks-itself": the step takes that very lock (migrations do), so the run lets it go.
   */
  readonly data?: "locked" | "locks-itself";
  check(): Promise<StepState>;
  run(): Promise<StepDetail>;
  /** @throws when the effect is not what it should be */
  verify(): Promise<void>;
  /** Asked for only when the step was begun; may be asked again after a kill. */
  undo?(): Promise<void>;
}
