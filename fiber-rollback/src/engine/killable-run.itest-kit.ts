// Runs, resumes or aborts a synthetic plan; the test kills its process group where it wants.
import process from "node:process";
import { abortRun, resumeRun, runPlan } from "./run.js";
import type { RunEvent } from "./run-context.js";
import { newRunId } from "./run-store.js";
import { type SyntheticRun, syntheticOptions, syntheticPlan } from "./synthetic-run.itest-kit.js";

const [what = "", json = "{}"] = process.argv.slice(2);
const run = JSON.parse(json) as SyntheticRun;
const options = syntheticOptions(run);
const observe = (event: RunEvent) =>
  process.stdout.write(
    event.event === "taking-back" ? "taking-back\n" : `${event.event}:${event.step}\n`,
  );
try {
  const record = await begin();
  process.stdout.write(`state:${record.state}\n`);
} catch (err) {
  const { code, message } = err as Error & { code?: string };
  process.stdout.write(`error:${code}:${message}\n`);
  process.exitCode = 1;
}

async function begin() {
  const watched = { ...options, observe };
  if (what === "resume") return await resumeRun(watched);
  if (what === "abort") return await abortRun(watched);
  return await runPlan(syntheticPlan(await newRunId(run.stateDir, "deploy")), watched);
}
