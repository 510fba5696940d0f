import { FiberError } from "#contracts";
import { makeStateFolder } from "#runtime";
import { findUnfinished } from "../restore/restore.js";
import { engineVersion } from "./engine-version.js";
import { openJournal } from "./journal.js";
import { type OpenRun, type RunPart, withRun } from "./open-run.js";
import { readRun } from "./read-run.js";
import type { RunOptions } from "./run-context.js";
import { asError, pastPivot, stopped, takingBackAlready } from "./run-errors.js";
import type { RunPlan } from "./run-plan.js";
import type { RunRecord } from "./run-record.js";
import { advanceSteps, hasPassedPivot, undoPassing } from "./run-steps.js";
import { findUnfinishedRun, journalPath } from "./run-store.js";
import { pendingFailure, planWayBack, readTurn, takeBack, undoAll } from "./take-back.js";

/**
 * Stores a plan that somebody agreed to and runs it. Resolves to the run's record, whose state is
 * `done` or, when `planBack` took it back, `taken-back`.
 *
 * @throws FiberError LOCKED, RUN_UNFINISHED, RUN_TOO_NEW, STATE_FOLDER_UNUSABLE before anything is
 * begun; the failing step's error; RUN_STOPPED when the signal was aborted; TAKE_BACK_FAILED
 */
export async function runPlan(plan: RunPlan, options: RunOptions): Promise<RunRecord> {
  const check = async () => {
    await endSuperseded(plan, options);
    await refuseUnfinished(options.stateDir);
  };
  makeStateFolder(options.stateDir);
  await withRun(plan, { event: "begin", options, check }, goOn);
  return await readRun(options.stateDir, plan.id);
}

/**
 * Goes on with the unfinished run from its stored plan, or with the plan that takes it back.
 *
 * @throws FiberError RUN_NOT_FOUND, RUN_OTHER_ENGINE, RUN_DATABASE_DIFFERS, and those of {@link runPlan}
 */
export async function resumeRun(options: RunOptions): Promise<RunRecord> {
  const plan = await unfinishedOrThrow(options);
  const check = () => assertStillUnfinished(options, plan);
  await withRun(plan, { event: "resume", options, check }, goOn);
  return await readRun(options.stateDir, plan.id);
}

/**
 * Takes the unfinished run back: what was done is undone, last first.
 *
 * @throws FiberError RUN_PAST_PIVOT with the way on and back, UNDO_INCOMPLETE, RUN_NOT_FOUND
 */
export async function abortRun(options: RunOptions): Promise<RunRecord> {
  const plan = await unfinishedOrThrow(options);
  const check = () => assertStillUnfinished(options, plan);
  await withRun(plan, { event: "abort", options, check }, async (run) => {
    const part = run.forward();
    if ((await readTurn(run)) !== null) throw takingBackAlready(plan);
    if (hasPassedPivot(part.steps, run.journal) || (await isPivotDone(part))) throw pastPivot(plan);
    await undoAll(plan, part);
    await run.journal.write({ event: "end", detail: { outcome: "aborted" } });
  });
  return await readRun(options.stateDir, plan.id);
}

/** One thing at a time: what was begun is finished or taken back first, runs and restores alike. */
async function refuseUnfinished(stateDir: string): Promise<void> {
  const run = await findUnfinishedRun(stateDir);
  if (run !== null) {
    throw new FiberError(
      "RUN_UNFINISHED",
      `Run ${run.id} was begun and not finished. Go on with it (fiber rollback resume) or take it ` +
        "back (fiber rollback abort), then plan another.",
    );
  }
  const restore = await findUnfinished(stateDir);
  if (restore === null) return;
  throw new FiberError(
    "RESTORE_UNFINISHED",
    `Restore ${restore.id} was begun and not finished. Go on with it (fiber restore --resume) or ` +
      "take it back (fiber restore --abort) first.",
  );
}

/** A run that is taken back is not gone on with: `resume` then means the run that takes it back. */
async function endSuperseded(plan: RunPlan, options: RunOptions): Promise<void> {
  const { stateDir, supersedes, ports } = options;
  if (supersedes === undefined || (await findUnfinishedRun(stateDir))?.id !== supersedes) return;
  const journal = await openJournal(journalPath(stateDir, supersedes), {
    now: ports.clock.now,
    stateDir,
  });
  try {
    await journal.write({ event: "end", detail: { outcome: "failed", takenBackBy: plan.id } });
  } finally {
    await journal.close();
  }
}

/** Runs what is left, forward or back. */
async function goOn(run: OpenRun): Promise<void> {
  const turn = await readTurn(run);
  if (turn !== null) return await takeBack(run, turn);
  const { plan, journal, options } = run;
  const forward = run.forward();
  const canTurn = options.planBack !== undefined;
  const pending = canTurn ? pendingFailure(journal) : null;
  if (pending !== null) {
    return await planWayBack(run, forward, { failure: pending, error: asError(pending) });
  }
  const advance = await advanceSteps(forward.steps, forward.ports);
  if (advance.kind === "done") {
    return await journal.write({ event: "end", detail: { outcome: "done" } });
  }
  if (advance.kind === "stopped") {
    await journal.write({ event: "stopped", step: advance.step.id });
    await undoPassing(forward.steps, forward.ports);
    throw stopped(plan, advance.step.id);
  }
  const failure = pendingFailure(journal);
  if (canTurn && failure !== null) {
    return await planWayBack(run, forward, { failure, error: advance.error });
  }
  await undoPassing(forward.steps, forward.ports);
  throw advance.error;
}

/** A pivot's effect can be there without its outcome, when the kill came in between. */
async function isPivotDone({ steps }: RunPart): Promise<boolean> {
  const pivot = steps.find((step) => step.kind === "pivot");
  return (await pivot?.check())?.state === "done";
}

async function unfinishedOrThrow({ stateDir, otherEngine }: RunOptions): Promise<RunPlan> {
  const plan = await findUnfinishedRun(stateDir);
  if (plan === null) {
    throw new FiberError("RUN_NOT_FOUND", "No run is unfinished: there is nothing to go on with.");
  }
  if (plan.engine === engineVersion() || otherEngine !== undefined) return plan;
  throw new FiberError(
    "RUN_OTHER_ENGINE",
    `Run ${plan.id} was begun by engine ${plan.engine}; this is ${engineVersion()}. Use the command ` +
      "fiber, which finds that engine in the state folder. When it is lost, say so with " +
      "--other-engine REASON.",
  );
}

async function assertStillUnfinished({ stateDir }: RunOptions, plan: RunPlan): Promise<void> {
  if ((await findUnfinishedRun(stateDir))?.id === plan.id) return;
  throw new FiberError("RUN_NOT_FOUND", `Run ${plan.id} was finished by somebody else meanwhile.`);
}
