import { FiberError } from "#contracts";
import {
  abortRelease,
  findUnfinishedRun,
  listRuns,
  planRollbackOf,
  planUndoOf,
  type RunPlan,
  resumeRelease,
  runRelease,
} from "#rollback";
import { stateFolder } from "#runtime";
import { confirm } from "../ask.js";
import { openReleaseWorld } from "../open-world.js";
import { describeOutcome } from "../run-screen/describe-outcome.js";
import { printResult, tell } from "../terminal.js";
import { follow, type RunCommandOptions, showAndRun } from "./follow-run.js";

/** Options as commander hands them over. */
interface Options extends RunCommandOptions {
  readonly to?: string;
  readonly restoreData?: true;
  readonly allowLoss?: true;
  readonly reason?: string;
}

/** `fiber rollback` */
export async function rollback(options: Options): Promise<void> {
  const world = await openReleaseWorld();
  const plan = await planRollbackOf(world, {
    to: options.to ?? null,
    restoreData: options.restoreData === true,
    allowLoss: options.allowLoss === true,
    reason: options.reason ?? null,
  });
  await showAndRun(world, plan, options, (follower) => runRelease(world, plan, follower));
}

/** `fiber rollback undo` */
export async function undo(options: Options): Promise<void> {
  const world = await openReleaseWorld();
  const plan = await planUndoOf(world, { reason: options.reason ?? null });
  await showAndRun(world, plan, options, (follower) => runRelease(world, plan, follower));
}

/** `fiber rollback resume` */
export async function resume(options: RunCommandOptions): Promise<void> {
  const plan = await unfinished();
  const world = await openReleaseWorld();
  tell(`Going on with ${plan.id}: ${plan.kind} to ${plan.to}.`);
  await follow(world, plan, options, (follower) => resumeRelease(world, follower));
}

/** `fiber rollback abort` */
export async function abort(options: RunCommandOptions): Promise<void> {
  const plan = await unfinished();
  const world = await openReleaseWorld();
  await confirm(`Take ${plan.id} (${plan.kind} to ${plan.to}) back?`, options.yes === true);
  await follow(world, plan, options, (follower) => abortRelease(world, follower));
}

/** `fiber rollback status` */
export async function status(options: Pick<Options, "json">): Promise<void> {
  const stateDir = await stateFolder();
  const run = (await listRuns(stateDir))[0] ?? null;
  printResult(options.json === true, run, () =>
    run === null ? "Nothing was deployed or rolled back here yet." : describeOutcome(run, stateDir),
  );
}

/** Asked first: without a run there is nothing that a database or a project would be needed for. */
async function unfinished(): Promise<RunPlan> {
  const plan = await findUnfinishedRun(await stateFolder());
  if (plan !== null) return plan;
  throw new FiberError(
    "RUN_NOT_FOUND",
    "No run is unfinished: there is nothing to go on with or to take back. See: fiber runs list",
  );
}
