import { mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { FiberError } from "#contracts";
import { endSessionsNamed, takeDataLock } from "#db";
import { writeDurably } from "../durable-files.js";
import { openJournal } from "../engine/journal.js";
import { hasPassedPivot, runSteps, type StepObserver, undoSteps } from "../engine/run-steps.js";
import type { Step } from "../engine/step.js";
import { takeFileLock } from "../lock/file-lock.js";
import type { DataPorts } from "../ports.js";
import { besideStep } from "./beside-step.js";
import { carryStep } from "./carry-step.js";
import { fenceStep } from "./fence-step.js";
import { gatherFacts, type RestoreRequest } from "./gather-facts.js";
import { recoverStep } from "./recover-step.js";
import { type RestoreContext, restoresFolder, sessionName } from "./restore-context.js";
import { PLAN_FORMAT, planRestore, type RestorePlan, restorePlanSchema } from "./restore-plan.js";
import { type RestoreReport, readReport } from "./restore-report.js";
import { liftStep, reportStep, upgradeStep } from "./simple-steps.js";
import { findObstacle, switchStep } from "./switch-step.js";

/** Called on every change of a step. */
export type { StepObserver } from "../engine/run-steps.js";

/**
 * Plans a restore without changing anything. A prepared transaction, which would block the swap at
 * the end, is refused here already.
 *
 * @throws FiberError RESTORE_UNFINISHED, SWAP_BLOCKED, and those of {@link gatherFacts}
 */
export async function prepareRestore(
  ports: DataPorts,
  request: RestoreRequest,
): Promise<RestorePlan> {
  const unfinished = await findUnfinished(ports.stateDir);
  if (unfinished !== null) {
    throw new FiberError(
      "RESTORE_UNFINISHED",
      `Restore ${unfinished.id} was begun and not finished. Go on with it (fiber restore --resume) ` +
        "or take it back (fiber restore --abort), then plan another.",
    );
  }
  const plan = planRestore(await gatherFacts(ports, request));
  const obstacle = await findObstacle({ plan, ports });
  if (obstacle !== null) throw new FiberError("SWAP_BLOCKED", obstacle);
  return plan;
}

/** Runs a plan that {@link prepareRestore} made and that somebody agreed to. */
export async function startRestore(
  ports: DataPorts,
  plan: RestorePlan,
  observe: StepObserver = () => {},
): Promise<RestoreReport> {
  const folder = join(restoresFolder(ports.stateDir), plan.id);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeDurably(join(folder, "plan.json"), `${JSON.stringify(plan, null, 2)}\n`);
  return await runPlan(ports, plan, observe, "begin");
}

/**
 * Goes on with the newest unfinished run, from its stored plan.
 *
 * @throws FiberError RESTORE_NOT_FOUND when every run is finished
 */
export async function resumeRestore(
  ports: DataPorts,
  observe: StepObserver = () => {},
): Promise<RestoreReport> {
  return await runPlan(ports, await unfinishedOrThrow(ports), observe, "resume");
}

/**
 * Takes an unfinished run back: the live database stays, what was made beside it is dropped.
 *
 * @throws FiberError RESTORE_PAST_PIVOT once the names are swapped, RESTORE_NOT_FOUND
 */
export async function abortRestore(
  ports: DataPorts,
  observe: StepObserver = () => {},
): Promise<RestorePlan> {
  const plan = await unfinishedOrThrow(ports);
  return await locked(ports, plan, "abort", async (context, assertLocked) => {
    await assertLocked();
    const steps = stepsOf(context);
    const pivot = steps.find((step) => step.kind === "pivot");
    const swapped = (await pivot?.check())?.state === "done";
    if (hasPassedPivot(steps, context.journal) || swapped) {
      throw new FiberError(
        "RESTORE_PAST_PIVOT",
        "The databases' names are swapped already. Finish with fiber restore --resume, then go back " +
          "with fiber restore --undo.",
      );
    }
    await undoSteps(steps, { journal: context.journal, log: ports.log, observe });
    await context.journal.write({ event: "end", detail: { outcome: "aborted" } });
    return plan;
  });
}

/** The newest run that was begun and neither finished nor aborted; null for none. */
export async function findUnfinished(stateDir: string): Promise<RestorePlan | null> {
  const ids = (await readdir(restoresFolder(stateDir)).catch(() => [])).sort().reverse();
  for (const id of ids) {
    const folder = join(restoresFolder(stateDir), id);
    const text = await readFile(join(folder, "journal.jsonl"), "utf8").catch(() => "");
    if (text === "" || text.includes('"event":"end"')) continue;
    return parsePlan(await readFile(join(folder, "plan.json"), "utf8"), folder);
  }
  return null;
}

async function unfinishedOrThrow({ stateDir }: DataPorts): Promise<RestorePlan> {
  const plan = await findUnfinished(stateDir);
  if (plan !== null) return plan;
  throw new FiberError(
    "RESTORE_NOT_FOUND",
    "No restore is unfinished: there is nothing to go on with.",
  );
}

function parsePlan(text: string, folder: string): RestorePlan {
  const json: unknown = JSON.parse(text);
  const format = (json as { format?: unknown }).format;
  if (typeof format === "number" && format > PLAN_FORMAT) {
    throw new FiberError(
      "PLAN_TOO_NEW",
      `${folder} was written by a newer fiber (plan format ${format}; this one reads up to ` +
        `${PLAN_FORMAT}). Go on with the version that began the restore.`,
    );
  }
  return restorePlanSchema.parse(json);
}

async function runPlan(
  ports: DataPorts,
  plan: RestorePlan,
  observe: StepObserver,
  event: "begin" | "resume",
): Promise<RestoreReport> {
  return await locked(ports, plan, event, async (context, assertLocked) => {
    const { journal } = context;
    await journal.write({ event, detail: { id: plan.id, pid: process.pid } });
    try {
      await runSteps(stepsOf(context), { journal, log: ports.log, observe, assertLocked });
    } catch (err) {
      throw diskFullInRestore(err);
    }
    await journal.write({ event: "end", detail: { outcome: "done" } });
    return await readReport(context);
  });
}

const SERVER_DISK_FULL = "53100";

/** An error as it should reach people: a full disk, ours or the server's, becomes DISK_FULL. */
function diskFullInRestore(err: unknown): unknown {
  const { code, message } = err as { code?: unknown; message?: string };
  if (code !== "ENOSPC" && code !== SERVER_DISK_FULL && code !== "DISK_FULL") return err;
  const [what] = (message ?? "").split("\n");
  return new FiberError(
    "DISK_FULL",
    `The restore ran out of disk space (${what}). Free space, then go on with fiber restore ` +
      "--resume; fiber restore --abort gives back what it took. Reads and ingest go on.",
    { cause: err },
  );
}

/** Works under both locks: the installation's file and the database's advisory lock. */
async function locked<T>(
  ports: DataPorts,
  plan: RestorePlan,
  what: string,
  work: (context: RestoreContext, assertLocked: () => Promise<void>) => Promise<T>,
): Promise<T> {
  const { stateDir, admin } = ports;
  const file = await takeFileLock({ stateDir, what: `fiber restore ${plan.id} (${what})` });
  try {
    const data = await takeDataLock(admin, plan.live.name);
    try {
      // What a killed run asked for goes on in the server: with the lock held, it is nobody's.
      await endSessionsNamed(admin, sessionName(plan.live.name));
      const folder = join(restoresFolder(stateDir), plan.id);
      const journal = await openJournal(join(folder, "journal.jsonl"), {
        now: ports.clock.now,
        stateDir,
      });
      try {
        return await work({ plan, ports, journal, folder }, data.assertHeld);
      } finally {
        await journal.close();
      }
    } finally {
      await data.release();
    }
  } finally {
    await file.release();
  }
}

function stepsOf(context: RestoreContext): readonly Step[] {
  const { plan } = context;
  const made: Readonly<Record<string, () => Step>> = {
    recover: () => recoverStep(context),
    beside: () => besideStep(context, () => dumpOf(context)),
    upgrade: () => upgradeStep(context),
    carry: () => carryStep(context),
    fence: () => fenceStep(context),
    switch: () => switchStep(context),
    lift: () => liftStep(context),
    report: () => reportStep(context),
  };
  return plan.steps.map(({ id }) => {
    const step = made[id];
    if (step === undefined)
      throw new FiberError("PLAN_TOO_NEW", `The plan has an unknown step ${id}.`);
    return step();
  });
}

/** The dump that the plan restores: the one it names, or the one that the recovery took. */
export function dumpOf({ plan, journal }: RestoreContext): {
  readonly path: string;
  readonly identity: string | null;
} {
  if (plan.source.kind === "dump") return plan.source;
  const path = journal.outcome("recover")?.path;
  if (typeof path === "string") return { path, identity: null };
  throw new FiberError("RESTORE_FAILED", "The recovery left no dump. Resume the restore.");
}
