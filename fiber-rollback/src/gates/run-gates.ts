import type { Clock } from "#runtime";
import type { Gate } from "../project/project-file.js";
import {
  GATE_REPORT_FORMAT,
  type GateReport,
  type GateResult,
  worstVerdict,
} from "./gate-report.js";
import { runShell } from "./run-shell.js";

/** Where and how gates run. */
export interface GateRun {
  /** The commit's tree. */
  readonly folder: string;
  readonly commit: string;
  readonly clock: Clock;
  /** Stop at the first gate that does not pass. */
  readonly stopEarly?: boolean;
  /** Told before a gate runs. */
  readonly begin?: (gate: Gate) => void;
  /** Told what each gate said. */
  readonly show?: (result: GateResult) => void;
  /** Ends the gate that runs, and runs no other. */
  readonly signal?: AbortSignal | undefined;
}

/** The exit code by which a gate says that it cannot judge, as `git bisect run` uses it. */
const CANNOT_JUDGE = 125;
const TAIL_LINES = 20;

/**
 * Runs gates in order in a tree; all of them, or up to the first that fails with `stopEarly`.
 * Nothing is written; runGatesFor keeps the report.
 *
 * @throws the signal's reason when it aborts
 */
export async function runGates(gates: readonly Gate[], at: GateRun): Promise<GateReport> {
  const results: GateResult[] = [];
  for (const gate of gates) {
    at.signal?.throwIfAborted();
    at.begin?.(gate);
    const result = await runGate(gate, at);
    at.signal?.throwIfAborted();
    results.push(result);
    at.show?.(result);
    if (at.stopEarly && result.verdict !== "passed") break;
  }
  return {
    format: GATE_REPORT_FORMAT,
    commit: at.commit,
    at: new Date(at.clock.now()).toISOString(),
    verdict: worstVerdict(results),
    gates: results,
  };
}

async function runGate(gate: Gate, at: GateRun): Promise<GateResult> {
  const end = await runShell(gate.run, {
    cwd: at.folder,
    env: gateEnvironment(process.env),
    timeoutMs: gate.timeout_s * 1_000,
    signal: at.signal,
  });
  const tail = end.tail.split("\n").slice(-TAIL_LINES).join("\n");
  const { exitCode } = end;
  return {
    id: gate.id,
    title: gate.title,
    run: gate.run,
    verdict: exitCode === 0 ? "passed" : exitCode === CANNOT_JUDGE ? "unjudged" : "failed",
    exitCode,
    at: new Date(at.clock.now()).toISOString(),
    ms: end.durationMs,
    tail: end.timedOut ? `${tail}\ndid not end within ${gate.timeout_s} s` : tail,
  };
}

/** Settings that gates may see; every other FIBER_* is about the installation. */
const FOR_GATES = new Set(["FIBER_PG_BIN", "FIBER_FORBID_SKIPS"]);

/**
 * The environment of a gate: ours, but for what would lead a commit's tests to the installation's
 * own database and state folder, to another repository, or away from development packages.
 */
export function gateEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const kept = Object.entries(env).filter(
    ([name]) =>
      (!name.startsWith("FIBER_") || FOR_GATES.has(name)) &&
      !/^(?:GIT_(?:DIR|WORK_TREE|INDEX_FILE|COMMON_DIR|OBJECT_DIRECTORY|PREFIX)|NODE_ENV)$/.test(
        name,
      ),
  );
  return { ...Object.fromEntries(kept), CI: "true" };
}
