import { FiberError } from "#contracts";
import { readRun } from "../engine/read-run.js";
import { abortRun, resumeRun, runPlan } from "../engine/run.js";
import type { RunContext, RunOptions } from "../engine/run-context.js";
import type { RunPlan } from "../engine/run-plan.js";
import type { RunRecord } from "../engine/run-record.js";
import { findUnfinishedRun } from "../engine/run-store.js";
import { noProgress, type Progress } from "../progress.js";
import { gatherRollback, type RollbackRequest } from "../rollback/gather-rollback.js";
import { gatherUndo } from "../rollback/gather-undo.js";
import { makeSteps } from "../rollback/make-steps.js";
import type { Planned } from "../rollback/plan-facts.js";
import { planRollback } from "../rollback/plan-rollback.js";
import { planUndo } from "../rollback/plan-undo.js";
import type { ReleaseWorld } from "../rollback/release-world.js";
import { runFactsSchema } from "../rollback/run-facts.js";
import { type DeployRequest, gatherDeploy } from "./gather-deploy.js";
import { planBack } from "./plan-back.js";
import { planDeploy } from "./plan-deploy.js";

/** How a run is followed and ended early. */
export interface RunFollower {
  readonly observe?: RunOptions["observe"];
  /** Told how a long step stands, such as each gate's current value. */
  readonly standing?: RunContext["standing"];
  readonly progress?: Progress;
  readonly signal?: AbortSignal;
  /** Takes another host's lock over; journaled. */
  readonly takeOver?: string;
  /** Goes on with a run whose engine is lost; journaled. */
  readonly otherEngine?: string;
}

/**
 * Plans a deploy without changing anything.
 *
 * @throws FiberError with the refusing check's code
 */
export async function planDeployOf(world: ReleaseWorld, request: DeployRequest): Promise<RunPlan> {
  return accepted(planDeploy(await gatherDeploy(world, request)));
}

/**
 * Plans a rollback without changing anything.
 *
 * @throws FiberError with the refusing check's code
 */
export async function planRollbackOf(
  world: ReleaseWorld,
  request: RollbackRequest,
): Promise<RunPlan> {
  return accepted(planRollback(await gatherRollback(world, request)));
}

/**
 * Plans taking the last rollback back, without changing anything.
 *
 * @throws FiberError with the refusing check's code
 */
export async function planUndoOf(
  world: ReleaseWorld,
  request: { readonly reason: string | null },
): Promise<RunPlan> {
  return accepted(planUndo(await gatherUndo(world, request)));
}

/** Runs a plan that somebody agreed to. A deploy that fails takes itself back. */
export async function runRelease(
  world: ReleaseWorld,
  plan: RunPlan,
  follower: RunFollower = {},
): Promise<RunRecord> {
  const { takesBack } = runFactsSchema.parse(plan.facts);
  const options = {
    ...optionsOf(world, follower, plan.kind),
    ...(takesBack === null ? {} : { supersedes: takesBack }),
  };
  return await orReport(world, plan, () => runPlan(plan, options));
}

/** Goes on with the unfinished run, forward or back, from its stored plan. */
export async function resumeRelease(
  world: ReleaseWorld,
  follower: RunFollower = {},
): Promise<RunRecord> {
  const plan = await findUnfinishedRun(world.stateDir);
  const work = () => resumeRun(optionsOf(world, follower, plan?.kind ?? null));
  return plan === null ? await work() : await orReport(world, plan, work);
}

/**
 * Opens the incident of a run that stopped half-way, or that leaves running what it could not verify:
 * its own step for that is never reached, and nobody needs the report more. A run that was stopped by
 * its operator, or that undid itself, is none.
 */
async function orReport(
  world: ReleaseWorld,
  plan: RunPlan,
  work: () => Promise<RunRecord>,
): Promise<RunRecord> {
  const { stateDir, clock, log } = world;
  try {
    return await work();
  } catch (err) {
    try {
      const run = await readRun(stateDir, plan.id);
      const isSwitched = run.steps.some(({ id, state }) => id === "switch" && state === "done");
      if (run.state === "failed" && (run.resumable || isSwitched)) {
        // A signal of its own: the run's may be what ended it.
        await world.report({ plan, clock, signal: new AbortController().signal });
      }
    } catch (cause) {
      log.error({ err: cause, run: plan.id }, "the incident could not be opened or told");
    }
    throw err;
  }
}

/** Takes the unfinished run back, where it is not past its point of no return. */
export async function abortRelease(
  world: ReleaseWorld,
  follower: RunFollower = {},
): Promise<RunRecord> {
  return await abortRun(optionsOf(world, follower, null));
}

function optionsOf(
  world: ReleaseWorld,
  follower: RunFollower,
  kind: RunPlan["kind"] | null,
): RunOptions {
  const { stateDir, log, clock, data } = world;
  const { observe, progress = noProgress, signal, takeOver, otherEngine } = follower;
  return {
    stateDir,
    steps: (context) => makeSteps(world, followed(context, follower)),
    ports: {
      ...{ log, clock, progress },
      data: data === null ? null : { admin: data.admin, database: data.database },
      ...(signal === undefined ? {} : { signal }),
    },
    // A rollback that fails stops: what would take it back is for a person to choose.
    ...(kind === "deploy" ? { planBack: (at, failure) => planBack(world, at, failure) } : {}),
    ...(observe === undefined ? {} : { observe }),
    ...(takeOver === undefined ? {} : { takeOver }),
    ...(otherEngine === undefined ? {} : { otherEngine }),
  };
}

function followed(context: RunContext, { standing }: RunFollower): RunContext {
  if (standing === undefined) return context;
  return {
    ...context,
    standing(step, detail) {
      context.standing(step, detail);
      standing(step, detail);
    },
  };
}

function accepted(planned: Planned<RunPlan>): RunPlan {
  if (planned.kind === "planned") return planned.plan;
  throw new FiberError(planned.code, planned.why);
}
