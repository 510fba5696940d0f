import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { FiberError } from "#contracts";
import { createLogger, systemClock } from "#runtime";
import { noProgress } from "../progress.js";
import { engineVersion } from "./engine-version.js";
import type { RunContext, RunOptions } from "./run-context.js";
import { RUN_FORMAT, type RunPlan } from "./run-plan.js";
import type { Step } from "./step.js";

/** What a synthetic run is to do. */
export interface SyntheticRun {
  readonly stateDir: string;
  /** The folder that stands for the world: a file is an effect. */
  readonly world: string;
  readonly failAt?: string;
  /** Kills the process group in the middle of this step: its effect is there, its outcome not. */
  readonly dieIn?: string;
  readonly takesBack?: boolean;
  /** The step of the take-back that fails. */
  readonly backFailsAt?: string;
  /** These steps write the disk of the state folder full, and then have much to journal. */
  readonly fillAt?: readonly string[];
}

const STEPS = [
  ["preflight", "reversible", true],
  ["backup", "reversible", true],
  ["fence", "compensable", false],
  ["migrate", "compensable", true],
  ["switch", "pivot", true],
  ["lift", "compensable", true],
  ["verify", "reversible", true],
] as const;
const BACK = [
  ["preflight", "reversible", true],
  ["downgrade", "reversible", true],
  ["switch", "pivot", true],
  ["lift", "compensable", true],
  ["report", "reversible", true],
] as const;

/** A plan with steps like a deploy's, or with `back` like its counter-plan's. */
export function syntheticPlan(
  id: string,
  options: { readonly kind?: RunPlan["kind"]; readonly back?: boolean } = {},
): RunPlan {
  const { back = false, kind = back ? "rollback" : "deploy" } = options;
  return {
    format: RUN_FORMAT,
    id,
    kind,
    engine: engineVersion(),
    createdAt: "2026-11-22T10:15:00.000Z",
    operator: "ama",
    host: "ops-1",
    reason: null,
    project: "synthetic",
    repository: process.cwd(),
    from: "v1",
    to: back ? "v1" : "v2",
    level: "schema",
    why: "a test",
    steps: (back ? BACK : STEPS).map(([step, stepKind]) => ({
      id: step,
      title: `The step ${step}`,
      kind: stepKind,
      commands: [],
      loses: null,
    })),
    loss: { statement: "Nothing.", tables: [], sampleMinutes: null },
    outage: { readsMs: 0, ingestMs: 0, basis: "none" },
    estimate: { ms: 0, basis: "none" },
    pointOfNoReturn: "switch",
    warnings: [],
    facts: {},
  };
}

/** Options that run a synthetic plan for real: on files, with the machine's clock, silently. */
export function syntheticOptions(run: SyntheticRun): RunOptions {
  mkdirSync(run.world, { recursive: true });
  return {
    stateDir: run.stateDir,
    steps: (context) => syntheticSteps(context, run),
    ...(run.takesBack === true
      ? {
          planBack: async ({ plan }: RunContext) =>
            // Before the schema was touched, undoing is enough.
            existsSync(join(run.world, "migrate"))
              ? syntheticPlan(`${plan.id}-back`, { back: true })
              : null,
        }
      : {}),
    ports: {
      log: createLogger({ role: "test", level: "silent" }),
      clock: systemClock,
      progress: noProgress,
      data: null,
    },
  };
}

/** What is in the world: the effects that stand, and how often each was made. */
export function readWorld(world: string): { readonly effects: string[]; readonly made: string[] } {
  const log = join(world, "made.log");
  return {
    effects: readdirSync(world)
      .filter((name) => name !== "made.log")
      .sort(),
    made: existsSync(log) ? readFileSync(log, "utf8").trim().split("\n") : [],
  };
}

function fillDisk(disk: string): void {
  const filler = join(disk, "filler");
  try {
    for (;;) appendFileSync(filler, Buffer.alloc(4_096));
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code !== "ENOSPC") throw err;
  }
}

function syntheticSteps({ plan, takingBack }: RunContext, run: SyntheticRun): readonly Step[] {
  const part = takingBack ? BACK : STEPS;
  return part.map(([id, kind, lasting]) => {
    const effect = join(run.world, takingBack ? `back-${id}` : id);
    const failing = takingBack ? run.backFailsAt === id : run.failAt === id;
    return {
      id,
      title: plan.steps.find((step) => step.id === id)?.title ?? id,
      kind,
      lasting,
      check: async () => (existsSync(effect) ? { state: "done" } : { state: "needed" }),
      async run() {
        if (failing) throw new FiberError("STEP_FAILED", `${id} was told to fail`);
        // Whole or not at all, as the real steps' effects are.
        await writeFile(effect, plan.id);
        appendFileSync(join(run.world, "made.log"), `${takingBack ? "back-" : ""}${id}\n`);
        if (id === "lift") rmSync(join(run.world, "fence"), { force: true });
        if (run.fillAt?.includes(id)) {
          fillDisk(dirname(run.stateDir));
          return { wrote: effect, much: "x".repeat(8_192) };
        }
        if (run.dieIn === (takingBack ? `back-${id}` : id)) process.kill(0, "SIGKILL");
        return { wrote: effect };
      },
      async verify() {
        if (!existsSync(effect)) throw new FiberError("EFFECT_MISSING", `${effect} is missing`);
      },
      ...(kind === "reversible" ? {} : { undo: async () => rmSync(effect, { force: true }) }),
    };
  });
}
