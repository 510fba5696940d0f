import { planDeployOf, runRelease } from "#rollback";
import { openReleaseWorld } from "../open-world.js";
import { type RunCommandOptions, showAndRun } from "./follow-run.js";

/** Options as commander hands them over. */
interface Options extends RunCommandOptions {
  readonly skipGates?: string;
  readonly allowUnsigned?: string;
  readonly allowLoss?: true;
  readonly reason?: string;
}

/** `fiber deploy` */
export async function deploy(tag: string, options: Options): Promise<void> {
  const world = await openReleaseWorld();
  const plan = await planDeployOf(world, {
    tag,
    skipGates: options.skipGates ?? null,
    allowUnsigned: options.allowUnsigned ?? null,
    allowLoss: options.allowLoss === true,
    reason: options.reason ?? null,
  });
  await showAndRun(world, plan, options, (follower) => runRelease(world, plan, follower));
}
