import { z } from "zod";
import type { Db } from "#db";
import type { Clock } from "#runtime";
import type { ReleaseBaseline } from "../releases/release-record.js";

/** What was known of probes and targets before a run; plain JSON, kept in the run's plan. */
export const beforeSchema = z.object({
  observedAt: z.iso.datetime(),
  /** Probes with a sample in the 15 minutes before. */
  probes: z.array(z.object({ nodeId: z.string(), region: z.string(), intervalMs: z.int() })),
  /** Per series: median RTT and mean loss of the same 15 minutes; null RTT: nothing answered. */
  targets: z.array(
    z.object({
      nodeId: z.string(),
      target: z.string(),
      check: z.string(),
      rttMs: z.number().nullable(),
      lossPct: z.number(),
    }),
  ),
});

/** See {@link beforeSchema}. */
export type BeforeRun = z.output<typeof beforeSchema>;

/** What verification is told and may ask. */
export interface VerifyContext {
  /** What should run; null: nothing is expected of it. */
  readonly expected: { readonly release: string; readonly migration: string | null };
  /** Epoch ms when the run began; what reported in the 15 minutes before must report again. */
  readonly runStartedMs: number;
  /** Epoch ms when the switch ended: only what was measured later counts. */
  readonly sinceMs: number;
  /** From observeBefore, when it could be taken. */
  readonly before: BeforeRun | null;
  /** Of the release that should run; null for a first release: absolute limits apply. */
  readonly baseline: ReleaseBaseline | null;
  /** Whether fiber-probe differs between the two releases; null when it cannot be told. */
  readonly probeCodeChanged: boolean | null;
  /** Values for $NAME in URLs, and the environment of commands: FIBER_API_URL, FIBER_DASHBOARD_URL … */
  readonly env: Readonly<Record<string, string>>;
  /** A bearer token that may read; null: read as anonymous. */
  readonly token: string | null;
  /** The database, null for a project without one. */
  readonly db: Db | null;
  /** Where commands run: the root of the release's tree. */
  readonly cwd: string;
  readonly clock: Clock;
  readonly signal?: AbortSignal;
}

/** How one gate stands. */
export interface GateStanding {
  readonly id: string;
  readonly title: string;
  readonly blocking: boolean;
  /** `waiting`: not good yet; `good`: good, and held for long enough; the others are final. */
  readonly verdict: "waiting" | "good" | "failed" | "unmeasurable";
  /** Its current value in words: "2 of 3 probes report". */
  readonly value: string;
  /** What it waits for in words; null when for nothing. */
  readonly waitsFor: string | null;
  readonly measuredAt: string | null;
  /** From the beginning until it was good, or until now, ms. */
  readonly tookMs: number;
}

/** The end of a verification. */
export interface VerifyOutcome {
  readonly verdict: "passed" | "failed";
  /** One sentence: what passed, or which gates failed with their last value. */
  readonly summary: string;
  readonly durationMs: number;
  readonly gates: readonly GateStanding[];
}

/** Told of every change of a gate's standing. */
export type VerifyObserver = (gates: readonly GateStanding[]) => void;
