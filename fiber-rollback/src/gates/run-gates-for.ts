import type { Clock } from "#runtime";
import type { Git } from "../git/run-git.js";
import { inWorktree } from "../git/worktree.js";
import { projectAt } from "../project/project-at.js";
import type { Gate } from "../project/project-file.js";
import { type GateReport, type GateResult, keepGateReport } from "./gate-report.js";
import { runGates } from "./run-gates.js";

/** Whose gates to run, and whom to tell. */
export interface GatesForCommit {
  readonly git: Git;
  readonly stateDir: string;
  /** Full hash. */
  readonly commit: string;
  readonly clock: Clock;
  /** Ids; all gates by default. */
  readonly only?: readonly string[] | undefined;
  readonly begin?: (gate: Gate) => void;
  readonly show?: (result: GateResult) => void;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Runs the gates that a commit declares, in a throw-away worktree of that commit, and keeps the
 * report in the state folder, where gatesPassedFor finds it.
 *
 * @returns the commit's whole report, with what gates said that were not run now
 * @throws FiberError PROJECT_FILE_MISSING, PROJECT_FILE_INVALID; the signal's reason when it aborts
 */
export async function runGatesFor(what: GatesForCommit): Promise<GateReport> {
  const { git, commit, clock, stateDir, only, begin, show, signal } = what;
  const { gates } = await projectAt(git, commit);
  const chosen = only === undefined ? gates : gates.filter((gate) => only.includes(gate.id));
  const report = await inWorktree(git, commit, ({ folder }) =>
    runGates(chosen, {
      folder,
      commit,
      clock,
      signal,
      ...(begin === undefined ? {} : { begin }),
      ...(show === undefined ? {} : { show }),
    }),
  );
  return keepGateReport(stateDir, report, gates);
}
