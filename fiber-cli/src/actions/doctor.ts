import { agentConfigSchema } from "#agent";
import { loadConfig } from "#runtime";
import type { Finding } from "../doctor/finding.js";
import { checkDisk, checkPorts, checkStateFolder } from "../doctor/machine.js";
import { checkGit, checkNode, checkPing, checkPostgresTools } from "../doctor/programs.js";
import { checkQueue } from "../doctor/queue.js";
import { EXIT } from "../exit-codes.js";
import { locateStack, readStatus } from "../stack-access.js";
import { paint, printResult } from "../terminal.js";

/** Looks at everything the product needs of this machine; exit code 3 when it cannot run here. */
export async function runDoctor({ json = false }: { json?: boolean }): Promise<void> {
  const config = loadConfig(agentConfigSchema, process.env);
  const paths = await locateStack();
  const running = await readStatus(paths);
  const findings = [
    checkNode(),
    await checkGit(),
    ...(await checkPing()),
    ...(await checkPostgresTools()),
    ...(await checkPorts(config, running)),
    checkDisk(paths),
    checkStateFolder(paths),
    ...(await checkQueue({ config, stateDir: paths.stateDir, running, env: process.env })),
  ];
  const blocked = findings.some((finding) => finding.level === "blocking");
  process.exitCode = blocked ? EXIT.refused : EXIT.done;
  printResult(json, findings, () => findings.map(describe).join("\n"));
}

function describe({ what, level, found, remedy }: Finding): string {
  const mark = { ok: "ok      ", warning: "warning ", blocking: "BLOCKING" }[level];
  const colour = level === "ok" ? "green" : level === "warning" ? "yellow" : "red";
  const line = `${paint(colour, mark)}  ${what.padEnd(12)}  ${found}`;
  return remedy === null ? line : `${line}\n${" ".repeat(24)}${remedy}`;
}
