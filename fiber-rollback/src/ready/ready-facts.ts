import type { PlannedLoss } from "#db";
import type { WayDown } from "../rollback/plan-facts.js";
import type { ArchiveHealth } from "../schedule/archive-health.js";

/** What was found, or why it could not be looked at. */
export type Known<T> = { readonly value: T } | { readonly unknown: string };

/** The way from the database's schema down to the one of the release to go back to. */
export interface WaysDown {
  /** Applied migrations that it would take back. */
  readonly revisions: readonly string[];
  /** Whether their stored ways down are those that were applied. */
  readonly check: WayDown;
  /** What they drop, counted; null when nothing has to be taken back. */
  readonly loss: PlannedLoss | null;
}

/** Everything that readiness is judged by; times in epoch ms. */
export interface ReadyFacts {
  readonly nowMs: number;
  /** The tag that runs, null for a working tree or when nothing runs. */
  readonly running: string | null;
  /** The release that a rollback would go to. */
  readonly target: Known<{
    readonly tag: string;
    readonly commit: string;
    readonly signature: { readonly status: string; readonly why: string | null };
  } | null>;
  /** Good releases whose artefact is gone, newest first. */
  readonly withoutArtefact: readonly string[];
  readonly backup: {
    readonly provenMs: number | null;
    readonly provenPath: string | null;
    /** How old the newest proven one may be. */
    readonly objectiveMs: number;
    readonly copiedMs: number | null;
    readonly problems: readonly string[];
  };
  readonly archive: Known<ArchiveHealth>;
  readonly waysDown: Known<WaysDown>;
  readonly disk: Known<{ readonly freeBytes: number; readonly neededBytes: number }>;
  readonly tools: Known<
    | {
        readonly client: string;
        readonly server: string;
        readonly setsUnknownTimeout: boolean;
      }
    /** There are none that fit. */
    | { readonly problem: string }
  >;
  readonly rights: Known<{ readonly user: string; readonly superuser: boolean }>;
  readonly lock: { readonly held: "no" | "yes" | "stale"; readonly by: string | null };
  /** A run that was begun and not ended. */
  readonly unfinished: { readonly id: string; readonly running: boolean } | null;
  /** The newest run that went back and was verified. */
  readonly rehearsal: {
    readonly id: string;
    readonly endedMs: number;
    readonly durationMs: number;
    readonly sampleMinutes: number | null;
  } | null;
  readonly contacts: readonly { readonly role: string; readonly contact: string }[];
  /** Ways of telling people that work, and those that fiber.yaml names and that do not. */
  readonly notify: {
    readonly ways: readonly string[];
    readonly unusable: readonly string[];
  };
  /** False for a project without migrations: whatever concerns data is left out. */
  readonly hasDatabase: boolean;
}
