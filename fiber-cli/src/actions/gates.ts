import { writeFile } from "node:fs/promises";
import { FiberError } from "#contracts";
import {
  changedFiles,
  type GateReport,
  type Git,
  keepGateReport,
  mustResolve,
  type Project,
  projectAt,
  readProject,
  runGates,
  runGatesFor,
} from "#rollback";
import { makeStateFolder, stateFolder, systemClock } from "#runtime";
import { openRepository } from "../find-project.js";
import { interruptible } from "../interruptible.js";
import { formatTable, printResult, tell } from "../terminal.js";
import { showGate } from "./hotfix.js";

type Gates = Project["gates"];

/** Options as commander hands them over. */
interface Options {
  readonly only?: readonly string[];
  readonly commit?: string;
  readonly list?: true;
  readonly report?: string;
  readonly json?: true;
}

/** `fiber gates`. */
export async function runProjectGates(options: Options): Promise<void> {
  const json = options.json === true;
  const git = await openRepository();
  const commit = await mustResolve(git, options.commit ?? "HEAD");
  const declared =
    options.commit === undefined ? readProject(git.folder) : await projectAt(git, commit);
  const gates = chosen(declared.gates, options.only);
  if (options.list === true) {
    return printResult(json, gates, () =>
      formatTable([["ID", "TITLE", "COMMAND"], ...gates.map((g) => [g.id, g.title, g.run])]),
    );
  }
  const ids = gates.map((gate) => gate.id);
  const report = await interruptible((signal) =>
    options.commit === undefined
      ? runHere(git, { commit, gates, declared: declared.gates, signal })
      : runElsewhere(git, { commit, only: ids, signal }),
  );
  if (options.report !== undefined) {
    await writeFile(options.report, `${JSON.stringify(report, null, 2)}\n`);
  }
  const failed = report.gates.filter((gate) => ids.includes(gate.id) && gate.verdict !== "passed");
  printResult(json, report, () =>
    failed.length === 0
      ? `${ids.length} ${ids.length === 1 ? "gate" : "gates"} passed on ${commit.slice(0, 10)}.`
      : failed.map((gate) => `${gate.title}:\n${gate.tail}`).join("\n\n"),
  );
  if (failed.length > 0) {
    throw new FiberError(
      "GATES_FAILED",
      `${failed.map((gate) => gate.id).join(", ")} did not pass on ${commit.slice(0, 10)}.`,
    );
  }
}

const show = { begin: (gate: Gates[number]) => tell(`running  ${gate.title} …`), show: showGate };

async function runHere(
  git: Git,
  what: {
    readonly commit: string;
    readonly gates: Gates;
    readonly declared: Gates;
    readonly signal: AbortSignal;
  },
): Promise<GateReport> {
  const { commit, gates, declared, signal } = what;
  const before = await changedFiles(git);
  const at = { folder: git.folder, commit, clock: systemClock, signal, ...show };
  const report = await runGates(gates, at);
  // Gates may leave files behind; but when tracked ones changed meanwhile, who knows what was judged?
  const after = await changedFiles(git, { untracked: false });
  const moved = (await mustResolve(git, "HEAD")) !== commit;
  const changed = [...before, ...after, ...(moved ? ["HEAD"] : [])];
  if (changed.length === 0) return keepGateReport(await usableStateFolder(), report, declared);
  tell(
    `Not kept, because no commit is what was judged: ${changed.slice(0, 3).join(", ")} changed.`,
  );
  return report;
}

async function runElsewhere(
  git: Git,
  what: { readonly commit: string; readonly only: readonly string[]; readonly signal: AbortSignal },
): Promise<GateReport> {
  const stateDir = await usableStateFolder();
  return runGatesFor({ git, stateDir, clock: systemClock, ...what, ...show });
}

async function usableStateFolder(): Promise<string> {
  const stateDir = await stateFolder();
  makeStateFolder(stateDir);
  return stateDir;
}

function chosen(gates: Gates, only?: readonly string[]): Gates {
  const unknown = only?.filter((id) => !gates.some((gate) => gate.id === id)) ?? [];
  if (unknown.length > 0) {
    throw new FiberError(
      "USAGE",
      `No gate ${unknown.join(", ")}. fiber.yaml has: ${gates.map((gate) => gate.id).join(", ") || "none"}.`,
    );
  }
  return only === undefined ? gates : gates.filter((gate) => only.includes(gate.id));
}
