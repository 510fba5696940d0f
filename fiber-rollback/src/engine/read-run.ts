import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { FiberError } from "#contracts";
import { readLockHolder } from "../lock/file-lock.js";
import type { JournalLine } from "./journal.js";
import type { RunFailure } from "./run-context.js";
import type { RunPlan } from "./run-plan.js";
import type { RunRecord, RunState, StepRecord } from "./run-record.js";
import { journalPath, listRunIds, readJournalLines, readPlan, runFolder } from "./run-store.js";
import type { StepDetail } from "./step.js";

/**
 * Reads one run from its folder, at any moment and without disturbing it.
 *
 * @throws FiberError RUN_NOT_FOUND, RUN_TOO_NEW, JOURNAL_BROKEN, PLAN_CHANGED
 */
export async function readRun(stateDir: string, id: string): Promise<RunRecord> {
  const plan = await readPlan(stateDir, { id, file: "plan.json", sha256Wanted: null });
  const lines = await readJournalLines(stateDir, id);
  const first = lines[0];
  if (first === undefined) {
    throw new FiberError("RUN_NOT_FOUND", `Run ${id} was planned and never begun.`);
  }
  const turn = lines.findLastIndex((line) => line.event === "taking-back");
  const back =
    turn < 0 ? null : await readPlan(stateDir, { id, file: "plan-back.json", sha256Wanted: null });
  const end = lines.findLast((line) => line.event === "end") ?? null;
  const state = stateOf(lines, await isHeld(stateDir, id));
  const live = state === "running" ? await readStanding(stateDir, id) : null;
  const forward = stepRecords(plan, turn < 0 ? lines : lines.slice(0, turn), {
    state: back === null ? state : "taken-back",
    live: back === null ? live : null,
  });
  const backward = back && stepRecords(back, lines.slice(turn + 1), { state, live });
  const failure = lastFailure(lines);
  return {
    plan,
    state,
    resumable: end === null,
    steps: forward,
    startedAt: first.at,
    endedAt: end?.at ?? null,
    durationMs: sumDurations([...forward, ...(backward ?? [])]),
    outcome: outcomeOf(plan, state, { failure, end, stays: stays(plan, forward) }),
    failure,
    ...(back === null || backward === null ? {} : { takenBackBy: { plan: back, steps: backward } }),
  };
}

/**
 * Reads all runs, newest first. Those that cannot be read (a newer format, a broken journal) are
 * left out and told to `onUnreadable`.
 */
export async function listRuns(
  stateDir: string,
  onUnreadable: (id: string, error: FiberError) => void = () => {},
): Promise<readonly RunRecord[]> {
  const runs: RunRecord[] = [];
  for (const id of [...(await listRunIds(stateDir))].reverse()) {
    try {
      runs.push(await readRun(stateDir, id));
    } catch (err) {
      if (!(err instanceof FiberError)) throw err;
      if (err.code !== "RUN_NOT_FOUND") onUnreadable(id, err);
    }
  }
  return runs;
}

/** The last step that failed, from whichever part of the run it is. */
export function lastFailure(lines: readonly JournalLine[]): RunFailure | null {
  const line = lines.findLast((one) => one.event === "failed");
  if (line?.event !== "failed") return null;
  const { code, message } = line.detail;
  return { step: line.step, code: String(code), message: String(message) };
}

/** Where a run's long step keeps how it stands. */
export function standingPath(stateDir: string, id: string): string {
  return join(runFolder(stateDir, id), "standing.json");
}

async function isHeld(stateDir: string, id: string): Promise<boolean> {
  const found = await readLockHolder(stateDir);
  return (
    found !== null && found.alive !== "no" && found.holder.journal === journalPath(stateDir, id)
  );
}

function stateOf(lines: readonly JournalLine[], held: boolean): RunState {
  const last = lines.at(-1);
  if (last?.event === "end") {
    const { outcome } = last.detail;
    if (outcome === "aborted" || outcome === "taken-back" || outcome === "failed") return outcome;
    return "done";
  }
  if (held) return "running";
  const since = lines.findLast((line) => OUTCOMES.has(line.event));
  return since?.event === "failed" ? "failed" : "interrupted";
}

const OUTCOMES: ReadonlySet<string> = new Set([
  "begin",
  "resume",
  "intent",
  "done",
  "failed",
  "taking-back",
]);

interface Standing {
  readonly step: string;
  readonly detail: StepDetail;
}

async function readStanding(stateDir: string, id: string): Promise<Standing | null> {
  try {
    return JSON.parse(await readFile(standingPath(stateDir, id), "utf8")) as Standing;
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw err;
  }
}

function stepRecords(
  plan: RunPlan,
  lines: readonly JournalLine[],
  at: { readonly state: RunState; readonly live: Standing | null },
): readonly StepRecord[] {
  return plan.steps.map(({ id, title }) => {
    const own = lines.filter((line) => "step" in line && line.step === id);
    const last = lastOf(own);
    const intent = own.findLast((line) => line.event === "intent");
    const detail = last?.event === "done" ? last.detail : null;
    const failed = last?.event === "failed" ? last.detail : null;
    const standing = at.live?.step === id ? at.live.detail : null;
    return {
      id,
      title,
      state: stepState(last, at.state),
      startedAt: intent?.at ?? last?.at ?? null,
      durationMs: durationOf(detail ?? failed),
      detail: detail ?? standing,
      error:
        failed === null ? null : { code: String(failed.code), message: String(failed.message) },
    };
  });
}

/** A step that failed and was undone has failed: that is what people look for. */
function lastOf(own: readonly JournalLine[]): JournalLine | undefined {
  const told = own.filter((line) => line.event !== "undo-failed" && line.event !== "stopped");
  const undone = told.at(-1)?.event === "undone";
  const before = undone ? told.findLast((line) => line.event !== "undone") : undefined;
  return before?.event === "failed" ? before : told.at(-1);
}

function stepState(last: JournalLine | undefined, run: RunState): StepRecord["state"] {
  if (last === undefined)
    return run === "running" || run === "interrupted" || run === "failed" ? "waiting" : "skipped";
  if (last.event === "done" || last.event === "failed" || last.event === "undone")
    return last.event;
  return run === "running" ? "running" : "interrupted";
}

function durationOf(detail: StepDetail | null): number | null {
  return typeof detail?.durationMs === "number" ? detail.durationMs : null;
}

function sumDurations(steps: readonly StepRecord[]): number {
  return steps.reduce((sum, step) => sum + (step.durationMs ?? 0), 0);
}

/** Whether something that others notice was done and not undone. */
function stays(plan: RunPlan, steps: readonly StepRecord[]): boolean {
  return plan.steps.some(({ kind }, at) => kind !== "reversible" && steps[at]?.state === "done");
}

function outcomeOf(
  plan: RunPlan,
  state: RunState,
  {
    failure,
    end,
    stays,
  }: {
    readonly failure: RunFailure | null;
    readonly end: JournalLine | null;
    readonly stays: boolean;
  },
): string | null {
  const what = `${plan.kind} to ${plan.to ?? "nothing"}`;
  const why = failure === null ? "" : `: step ${failure.step}: ${failure.message}`;
  switch (state) {
    case "running":
      return null;
    case "done":
      return `${what} done`;
    case "taken-back":
      return `${what} failed and was taken back${why}`;
    case "aborted":
      return `${what} aborted and undone`;
    case "failed":
      if (end === null) return `${what} stopped${why}; go on with fiber rollback resume`;
      return `${what} failed and ${stays ? "was not undone" : "was undone"}${why}`;
    case "interrupted":
      return `${what} was interrupted; go on with fiber rollback resume`;
  }
}
