import { type Clock, runCommand } from "#runtime";
import type { Gate } from "../project/project-file.js";

/** What one gate said of a commit. `unjudged`: it could not tell (exit 125 or it was not found). */
export interface GateResult {
  readonly id: string;
  readonly title: string;
  readonly verdict: "passed" | "failed" | "unjudged";
  readonly exitCode: number | null;
  readonly ms: number;
  /** The end of its output, for the report. */
  readonly tail: string;
}

/** A gate report of one commit. */
export interface GateReport {
  readonly format: 1;
  readonly commit: string;
  readonly at: string;
  readonly verdict: "passed" | "failed" | "unjudged";
  readonly gates: readonly GateResult[];
}

/** The exit code by which a gate says that it cannot judge, as `git bisect run` uses it. */
const CANNOT_JUDGE = 125;

/** Runs gates in order in a tree; all of them, or up to the first that fails with `stopEarly`. */
export async function runGates(
  gates: readonly Gate[],
  at: {
    readonly folder: string;
    readonly commit: string;
    readonly clock: Clock;
    readonly stopEarly?: boolean;
    readonly show?: (result: GateResult) => void;
  },
): Promise<GateReport> {
  const results: GateResult[] = [];
  for (const gate of gates) {
    const result = await runGate(gate, at.folder);
    results.push(result);
    at.show?.(result);
    if (at.stopEarly && result.verdict !== "passed") break;
  }
  return {
    format: 1,
    commit: at.commit,
    at: new Date(at.clock.now()).toISOString(),
    verdict: worst(results),
    gates: results,
  };
}

async function runGate(gate: Gate, folder: string): Promise<GateResult> {
  const result = await runCommand(["sh", "-c", gate.run], {
    cwd: folder,
    timeoutMs: gate.timeout_s * 1_000,
  });
  const tail = `${result.stdout}\n${result.stderr}`.trim().split("\n").slice(-20).join("\n");
  const verdict =
    result.exitCode === 0 ? "passed" : result.exitCode === CANNOT_JUDGE ? "unjudged" : "failed";
  return {
    id: gate.id,
    title: gate.title,
    verdict,
    exitCode: result.exitCode,
    ms: result.durationMs,
    tail: result.timedOut ? `${tail}\ndid not end within ${gate.timeout_s} s` : tail,
  };
}

function worst(results: readonly GateResult[]): GateReport["verdict"] {
  if (results.some((result) => result.verdict === "failed")) return "failed";
  return results.some((result) => result.verdict === "unjudged") ? "unjudged" : "passed";
}
