import { FiberError } from "#contracts";
import type { ReleaseWorld, RunFollower, RunPlan, RunRecord } from "#rollback";
import { systemClock } from "#runtime";
import { confirm } from "../ask.js";
import { EXIT } from "../exit-codes.js";
import { createRunScreen } from "../run-screen/create-run-screen.js";
import { describeOutcome } from "../run-screen/describe-outcome.js";
import { describePlan } from "../run-screen/describe-plan.js";
import { printResult, tell } from "../terminal.js";

/** What deploy and rollback have in common on the command line. */
export interface RunCommandOptions {
  readonly dryRun?: true;
  readonly yes?: true;
  readonly json?: true;
  readonly takeOver?: string;
  readonly otherEngine?: string;
}

/**
 * Shows a plan; with `--dry-run` that is all. Else asks, runs it, and prints how it ended. A run that
 * took itself back ends the command with exit code 4.
 */
export async function showAndRun(
  world: ReleaseWorld,
  plan: RunPlan,
  options: RunCommandOptions,
  work: (follower: RunFollower) => Promise<RunRecord>,
): Promise<void> {
  const json = options.json === true;
  if (options.dryRun === true) return printResult(json, plan, () => describePlan(plan));
  tell(describePlan(plan, process.stderr));
  tell("");
  await confirm(
    `${plan.kind === "deploy" ? "Deploy" : "Go back to"} ${plan.to} as planned above?`,
    options.yes === true,
  );
  await follow(world, plan, options, work);
}

/** Follows work on a plan to its end; Ctrl-C stops it at the next safe place. */
export async function follow(
  world: ReleaseWorld,
  plan: RunPlan,
  options: RunCommandOptions,
  work: (follower: RunFollower) => Promise<RunRecord>,
): Promise<void> {
  const screen = createRunScreen(plan, { stream: process.stderr, clock: systemClock });
  const stopping = new AbortController();
  const stop = () => {
    tell("stopping at the next safe place; once more is not needed");
    stopping.abort(new FiberError("RUN_STOPPED", "Stopped by the operator."));
  };
  const { takeOver, otherEngine } = options;
  process.once("SIGINT", stop);
  process.once("SIGTERM", stop);
  try {
    const run = await work({
      observe: screen.observe,
      standing: screen.standing,
      progress: screen.progress,
      signal: stopping.signal,
      ...(takeOver === undefined ? {} : { takeOver }),
      ...(otherEngine === undefined ? {} : { otherEngine }),
    });
    screen.end();
    printResult(options.json === true, run, () => describeOutcome(run, world.stateDir));
    if (run.state === "taken-back") process.exitCode = EXIT.rolledBack;
  } finally {
    screen.end();
    process.off("SIGINT", stop);
    process.off("SIGTERM", stop);
  }
}
