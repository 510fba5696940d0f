import { FiberError } from "#contracts";
import { mustResolve, readProject, runGates } from "#rollback";
import { systemClock } from "#runtime";
import { formatTable, printResult } from "../terminal.js";
import { openRepository, showGate } from "./hotfix.js";

/** `fiber gates`. */
export async function runProjectGates(options: {
  only?: string[];
  list?: boolean;
  json?: boolean;
}): Promise<void> {
  const { list = false, json = false } = options;
  const git = await openRepository();
  const gates = chosen(readProject(git.folder).gates, options.only);
  if (list) {
    return printResult(json, gates, () =>
      formatTable([["ID", "TITLE", "COMMAND"], ...gates.map((g) => [g.id, g.title, g.run])]),
    );
  }
  const commit = await mustResolve(git, "HEAD");
  const report = await runGates(gates, {
    folder: git.folder,
    commit,
    clock: systemClock,
    show: showGate,
  });
  const failed = report.gates.filter((gate) => gate.verdict !== "passed");
  printResult(json, report, () =>
    failed.length === 0
      ? `${report.gates.length} gates passed on ${commit.slice(0, 10)}.`
      : failed.map((gate) => `${gate.title}:\n${gate.tail}`).join("\n\n"),
  );
  if (failed.length > 0) {
    throw new FiberError(
      "GATES_FAILED",
      `${failed.map((gate) => gate.id).join(", ")} did not pass on ${commit.slice(0, 10)}.`,
    );
  }
}

function chosen<T extends { readonly id: string }>(gates: readonly T[], only?: readonly string[]) {
  const unknown = only?.filter((id) => !gates.some((gate) => gate.id === id)) ?? [];
  if (unknown.length > 0) {
    throw new FiberError(
      "USAGE",
      `No gate ${unknown.join(", ")}. fiber.yaml has: ${gates.map((gate) => gate.id).join(", ") || "none"}.`,
    );
  }
  return only === undefined ? gates : gates.filter((gate) => only.includes(gate.id));
}
