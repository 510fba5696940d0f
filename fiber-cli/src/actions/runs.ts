import { FiberError } from "#contracts";
import { formatDuration, listRuns, type RunRecord, readRun, type StepRecord } from "#rollback";
import { stateFolder } from "#runtime";
import { formatTable, paint, printResult, tell } from "../terminal.js";

/** `fiber runs list` */
export async function listAllRuns(options: { limit: string; json?: boolean }): Promise<void> {
  const limit = Number(options.limit);
  if (!Number.isInteger(limit) || limit < 1) {
    throw new FiberError("USAGE", `--limit takes a number from 1 on, not "${options.limit}".`);
  }
  const unreadable: { id: string; code: string; message: string }[] = [];
  const runs = await listRuns(await stateFolder(), (id, { code, message }) =>
    unreadable.push({ id, code, message }),
  );
  const shown = runs.slice(0, limit);
  printResult(options.json === true, { runs: shown, unreadable }, () => describeList(shown));
  if (options.json !== true) for (const { message } of unreadable) tell(message);
}

/** `fiber runs show` */
export async function showRun(id: string | undefined, options: { json?: boolean }): Promise<void> {
  const stateDir = await stateFolder();
  const run = id === undefined ? (await listRuns(stateDir))[0] : await readRun(stateDir, id);
  if (run === undefined) {
    throw new FiberError("RUN_NOT_FOUND", "Nothing was deployed or rolled back here yet.");
  }
  printResult(options.json === true, run, () => describeRun(run));
}

function describeList(runs: readonly RunRecord[]): string {
  if (runs.length === 0) return "Nothing was deployed or rolled back here yet.";
  return formatTable([
    ["RUN", "FROM", "TO", "LEVEL", "STATE", "TOOK", "BY"],
    ...runs.map((run) => [
      run.plan.id,
      run.plan.from ?? "-",
      run.plan.to ?? "-",
      run.plan.level,
      paintState(run.state),
      formatDuration(run.durationMs / 1_000),
      run.plan.operator,
    ]),
  ]);
}

function describeRun(run: RunRecord): string {
  const { plan, takenBackBy } = run;
  const about = [
    ["run", plan.id],
    ["state", paintState(run.state)],
    ["from, to", `${plan.from ?? "nothing"} → ${plan.to ?? "nothing"}`],
    ["level", `${plan.level}: ${plan.why}`],
    ["by", `${plan.operator} on ${plan.host}${plan.reason === null ? "" : `: ${plan.reason}`}`],
    ["begun", run.startedAt],
    ["ended", run.endedAt ?? "not yet"],
    ["loss", plan.loss.statement],
  ];
  return [
    formatTable(about),
    "",
    describeSteps(run.steps),
    ...(takenBackBy === undefined
      ? []
      : ["", `Taken back to ${takenBackBy.plan.to}:`, describeSteps(takenBackBy.steps)]),
    ...(run.outcome === null ? [] : ["", run.outcome]),
  ].join("\n");
}

function describeSteps(steps: readonly StepRecord[]): string {
  return formatTable([
    ["STEP", "STATE", "TOOK", "WHAT"],
    ...steps.map((step) => [
      step.id,
      paintState(step.state),
      step.durationMs === null ? "-" : `${(step.durationMs / 1_000).toFixed(1)} s`,
      step.error?.message ?? step.title,
    ]),
  ]);
}

function paintState(state: RunRecord["state"] | StepRecord["state"]): string {
  if (state === "done") return paint("green", state);
  if (state === "failed" || state === "interrupted") return paint("red", state);
  if (state === "waiting" || state === "skipped") return paint("dim", state);
  return paint("yellow", state);
}
