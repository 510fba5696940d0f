import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { FiberError } from "#contracts";
import { makePrivateFolder, writeDurably } from "../durable-files.js";
import type { Gate } from "../project/project-file.js";

/** The report format that this code writes; newer ones are refused by name. */
export const GATE_REPORT_FORMAT = 1;

const verdictSchema = z.enum(["passed", "failed", "unjudged"]);

const gateResultSchema = z.object({
  id: z.string(),
  title: z.string(),
  /** The command that was run. */
  run: z.string(),
  /** `unjudged`: it could not tell (exit 125). */
  verdict: verdictSchema,
  /** Null when it was killed. */
  exitCode: z.number().int().nullable(),
  at: z.iso.datetime(),
  ms: z.number().int().nonnegative(),
  /** The end of its output. */
  tail: z.string(),
});

/** What one gate said of a commit. */
export type GateResult = z.infer<typeof gateResultSchema>;

const gateReportSchema = z.object({
  format: z.literal(GATE_REPORT_FORMAT),
  commit: z.string(),
  at: z.iso.datetime(),
  verdict: verdictSchema,
  gates: z.array(gateResultSchema),
});

/** What the gates said of one commit: `<state>/gates/<commit>.json`. */
export type GateReport = z.infer<typeof gateReportSchema>;

/** Whether a commit may be released, as far as its gates were run here. */
export interface GatesPassed {
  readonly passed: boolean;
  /** Why not, in words, one gate each; empty when passed. */
  readonly missing: readonly string[];
  readonly report: GateReport | null;
}

/** Where the report of a commit lies. */
export function gateReportFile(stateDir: string, commit: string): string {
  return join(stateDir, "gates", `${commit}.json`);
}

/**
 * The report of a commit, or null when its gates were never run here.
 *
 * @throws FiberError GATE_REPORT_INVALID, GATE_REPORT_TOO_NEW
 */
export async function readGateReport(stateDir: string, commit: string): Promise<GateReport | null> {
  const path = gateReportFile(stateDir, commit);
  const text = await readFile(path, "utf8").catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === "ENOENT") return null;
    throw cause;
  });
  if (text === null) return null;
  const value = parseJson(text);
  const format = z.object({ format: z.number().int() }).safeParse(value);
  if (format.success && format.data.format > GATE_REPORT_FORMAT) {
    throw new FiberError(
      "GATE_REPORT_TOO_NEW",
      `${path} has format ${format.data.format}; this version reads up to ${GATE_REPORT_FORMAT}. ` +
        "Use the version of fiber that wrote it, or run the gates again: fiber gates.",
    );
  }
  const parsed = gateReportSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new FiberError(
    "GATE_REPORT_INVALID",
    `${path} is not a usable report of gates. Remove it and run them again: fiber gates --commit ${commit.slice(0, 12)}.`,
  );
}

/**
 * Adds results to the report of a commit: gates that were run again replace what they said before,
 * others stay, in the order of `gates`.
 */
export async function keepGateReport(
  stateDir: string,
  report: GateReport,
  gates: readonly Gate[],
): Promise<GateReport> {
  const before = await readGateReport(stateDir, report.commit);
  const known = new Map(
    [...(before?.gates ?? []), ...report.gates].map((result) => [result.id, result]),
  );
  const kept = gates.flatMap((gate) => known.get(gate.id) ?? []);
  const merged: GateReport = { ...report, gates: kept, verdict: worstVerdict(kept) };
  const path = gateReportFile(stateDir, report.commit);
  await makePrivateFolder(join(stateDir, "gates"));
  await writeDurably(path, `${JSON.stringify(merged, null, 2)}\n`);
  return merged;
}

/**
 * Whether every gate that a commit declares has passed on it, with the command that it declares
 * now. Reads the report only; runs nothing.
 *
 * @param gates those of the commit's own fiber.yaml
 */
export async function gatesPassedFor(
  stateDir: string,
  commit: string,
  gates: readonly Gate[],
): Promise<GatesPassed> {
  const report = await readGateReport(stateDir, commit);
  const missing = gates.flatMap((gate) => {
    const result = report?.gates.find((one) => one.id === gate.id);
    if (result === undefined) return [`${gate.id} was not run`];
    if (result.run !== gate.run) return [`${gate.id} was run with another command`];
    return result.verdict === "passed" ? [] : [`${gate.id} ${result.verdict}`];
  });
  return { passed: missing.length === 0, missing, report };
}

/** Failed when one failed, else unjudged when one could not tell, else passed. */
export function worstVerdict(results: readonly GateResult[]): GateReport["verdict"] {
  if (results.some((result) => result.verdict === "failed")) return "failed";
  return results.some((result) => result.verdict === "unjudged") ? "unjudged" : "passed";
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Refused by the schema, with the file's name and the remedy.
    return null;
  }
}
