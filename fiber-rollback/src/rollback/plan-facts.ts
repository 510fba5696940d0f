import type { PlannedLoss } from "#db";
import type { ComposeSpec } from "../project/compose-spec.js";
import type { ReleaseRecord } from "../releases/release-record.js";
import type { RestorePlan } from "../restore/restore-plan.js";

/** What every plan of a run begins with, and what is known of earlier runs. */
export interface PlanHead {
  /** Such as "20261122T101500Z-rollback". */
  readonly id: string;
  /** Version of the engine that will run it. */
  readonly engine: string;
  readonly createdAt: string;
  readonly operator: string;
  readonly host: string;
  readonly reason: string | null;
  readonly project: string;
  /** Absolute folder of the clone. */
  readonly repository: string;
  readonly stateDir: string;
  /** How the product runs on containers, where it does. */
  readonly containers?: ComposeSpec | null;
  /** How long steps took when they last ran, ms by step id; empty before the first run. */
  readonly timings: StepTimings;
}

/** Durations of earlier steps. */
export interface StepTimings {
  readonly stepMs: Readonly<Record<string, number>>;
  /** Where they come from, in words; null when there was no run yet. */
  readonly basis: string | null;
}

/** A release as a planner sees it. */
export interface ReleaseView {
  readonly record: ReleaseRecord;
  /** `there`: still what was built; `gone`: missing or changed since; `unbuilt`: never was. */
  readonly artefact: "there" | "gone" | "unbuilt";
  /** Whether the tag still leads to the recorded commit, so that it can be built again. */
  readonly canBuild: boolean;
}

/** What runs at the moment. */
export interface RunningView {
  /** "dev" for a working tree, else a tag; null when nothing has run yet. */
  readonly release: string | null;
  /** Its record; null for a working tree and for what was lost. */
  readonly record: ReleaseRecord | null;
  /** Whether its artefact still exists, so that one can come back to it. */
  readonly artefact: boolean;
  /** Whether the stack is up and its supervisor answers. */
  readonly isUp: boolean;
}

/** A migration that the database has applied. */
export interface AppliedView {
  readonly revision: string;
  readonly title: string;
  readonly upSha256: string;
  readonly kind: "reversible" | "lossy";
  readonly status: "applying" | "applied" | "reverting";
}

/** From where data can be brought back as it was while a release ran. */
export type DataSource =
  | { readonly kind: "point"; readonly name: string; readonly createdAt: string }
  | { readonly kind: "dump"; readonly path: string; readonly createdAt: string }
  | { readonly kind: "quarantine"; readonly database: string; readonly createdAt: string };

/** The way down to the target's schema. */
export type WayDown =
  /** Every stored way down is the one that was recorded outside the database. */
  | { readonly kind: "sound" }
  /** Nothing outside the database vouches for these revisions. */
  | { readonly kind: "unrecorded"; readonly revisions: readonly string[] }
  /** A stored way down is not what was applied. */
  | { readonly kind: "tampered"; readonly why: string };

/** The database, as far as a rollback must know it. */
export interface DatabaseView {
  readonly database: string;
  readonly oid: number;
  readonly sizeBytes: number;
  readonly applied: readonly AppliedView[];
  /** Why the data is known to be damaged, in words; null when nothing says so. */
  readonly damage: string | null;
  /** What going down to the target's schema drops, counted; null when nothing is to be taken back. */
  readonly loss: PlannedLoss | null;
  readonly wayDown: WayDown;
  /** The newest source that holds the target's data; null when there is none. */
  readonly source: DataSource | null;
  /** The restore from that source; made only where the level is or may become "data". */
  readonly restore: RestorePlan | null;
}

/** A plan, or the check that refuses to make one. */
export type Planned<Plan> =
  | { readonly kind: "planned"; readonly plan: Plan }
  | { readonly kind: "refused"; readonly code: string; readonly why: string };

/** The newest revision that a database has applied; null at the base. */
export function headOfApplied(applied: readonly AppliedView[]): string | null {
  return applied.at(-1)?.revision ?? null;
}
