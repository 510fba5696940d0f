import type { Logger } from "#runtime";
import { type FileLock, takeFileLock } from "../lock/file-lock.js";
import { makeReserve } from "./disk-reserve.js";
import { type Journal, journalFrom, openJournal } from "./journal.js";
import { matchSteps } from "./match-steps.js";
import { standingPath } from "./read-run.js";
import type { RunContext, RunOptions } from "./run-context.js";
import { createDataLock, type LazyDataLock } from "./run-database.js";
import type { RunPlan } from "./run-plan.js";
import type { StepPorts } from "./run-steps.js";
import { journalPath, runFolder, storePlan } from "./run-store.js";
import { createStanding, type Standing } from "./standing.js";
import type { Step } from "./step.js";
import { usable } from "./usable-state.js";
import { type RunEntry, writeEntry } from "./write-entry.js";

/** A run under its lock, with its journal open. */
export interface OpenRun {
  readonly plan: RunPlan;
  readonly journal: Journal;
  readonly options: RunOptions;
  /** The plan's own part. */
  forward(): RunPart;
  /** The part of the plan that takes it back, whose lines begin at `from`. */
  backward(plan: RunPlan, from: number): RunPart;
}

/** One plan of a run with what its steps need. */
export interface RunPart {
  readonly context: RunContext;
  readonly steps: readonly Step[];
  readonly ports: StepPorts;
}

/**
 * Takes the lock, opens the journal, writes who entered and on what, works, and lets go of
 * everything whatever happens. The data lock is taken when the first step needs it.
 */
export async function withRun<T>(
  plan: RunPlan,
  entry: RunEntry,
  work: (run: OpenRun) => Promise<T>,
): Promise<T> {
  const { stateDir, ports, takeOver } = entry.options;
  const path = journalPath(stateDir, plan.id);
  const what = `fiber ${plan.kind} ${plan.to ?? ""}`.trim();
  const lock = await takeFileLock({ stateDir, what, journal: path, takeOver });
  const dataLock = createDataLock(ports.data);
  const standing = createStanding(standingPath(stateDir, plan.id), ports.log);
  let journal: Journal | null = null;
  try {
    await entry.check();
    const stored = entry.event === "begin" ? await beginFolder(stateDir, plan) : null;
    journal = await usable(stateDir, () => openJournal(path, { now: ports.clock.now, stateDir }));
    await writeEntry(journal, { plan, entry, stored, replaced: lock.replaced });
    return await work(openRun(plan, { entry, journal, lock, dataLock, standing }));
  } finally {
    const opened = journal;
    await cleanUp(ports.log, [
      standing.clear,
      async () => await opened?.close(),
      dataLock.release,
      lock.release,
      () => remakeReserve(entry.options),
    ]);
  }
}

/** Every part, in order; one that fails keeps neither the others back nor hides the run's error. */
async function cleanUp(log: Logger, parts: readonly (() => Promise<void>)[]): Promise<void> {
  for (const part of parts) {
    try {
      await part();
    } catch (err) {
      log.warn({ err }, "cleaning up after a run failed");
    }
  }
}

/** Stores the plan and makes the reserve; returns the plan's SHA-256. */
async function beginFolder(stateDir: string, plan: RunPlan): Promise<string> {
  return await usable(stateDir, async () => {
    const planSha256 = await storePlan(stateDir, { id: plan.id, plan, file: "plan.json" });
    await makeReserve(stateDir);
    return planSha256;
  });
}

function openRun(
  plan: RunPlan,
  held: {
    readonly entry: RunEntry;
    readonly journal: Journal;
    readonly lock: FileLock;
    readonly dataLock: LazyDataLock;
    readonly standing: Standing;
  },
): OpenRun {
  const { entry, journal, lock, dataLock, standing } = held;
  const { options } = entry;
  const { stateDir, ports, observe } = options;
  const part = (own: RunPlan, from: number | null): RunPart => {
    const view = from === null ? journal : journalFrom(journal, from);
    const context: RunContext = {
      plan: own,
      journal: view,
      stateDir,
      folder: runFolder(stateDir, plan.id),
      takingBack: from !== null,
      log: ports.log,
      clock: ports.clock,
      progress: ports.progress,
      standing: standing.tell,
      signal: ports.signal ?? NEVER,
    };
    const stepPorts: StepPorts = {
      journal: view,
      log: ports.log,
      observe: (event) => observe?.({ ...event, part: from === null ? "forward" : "back" }),
      async assertLocked(step) {
        lock.assertHeld();
        await dataLock.prepare(step);
      },
      ...(ports.signal === undefined ? {} : { signal: ports.signal }),
    };
    return { context, steps: matchSteps(own, options.steps(context)), ports: stepPorts };
  };
  return {
    plan,
    journal,
    options,
    forward: () => part(plan, null),
    backward: (own, from) => part(own, from),
  };
}

const NEVER = new AbortController().signal;

/** Made again after a disk that was full. */
async function remakeReserve({ stateDir, ports }: RunOptions): Promise<void> {
  if (await makeReserve(stateDir)) return;
  ports.log.warn({ stateDir }, "no room for the journal's reserve: make room on this disk");
}
