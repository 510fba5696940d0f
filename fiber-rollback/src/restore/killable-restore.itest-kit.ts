// Runs or resumes a restore and kills its own process group at the moment that the test names.
import process from "node:process";
import { testPorts } from "../data.itest-kit.js";
import { prepareRestore, resumeRestore, startRestore } from "./restore.js";

const [url = "", stateDir = "", what = "", killAt = "", delay = ""] = process.argv.slice(2);
const ports = testPorts(url, stateDir);
const observe = ({ step, event }: { step: string; event: string }) => {
  process.stdout.write(`${event}:${step}\n`);
  if (`${event}:${step}` === killAt && delay === "") process.kill(-process.pid, "SIGKILL");
};
if (what === "resume") {
  await resumeRestore(ports, observe);
} else {
  const point = /^point:(.*)/.exec(what)?.[1];
  const from =
    point === undefined
      ? { kind: "dump" as const, path: what }
      : { kind: "recovery" as const, point };
  const plan = await prepareRestore(ports, { from, thenUpgrade: point !== undefined });
  await startRestore(ports, plan, observe);
}
