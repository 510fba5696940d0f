import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { identifyProcess } from "#runtime";
import { resumeRun, runPlan } from "./run.js";
import { journalPath } from "./run-store.js";
import { type SyntheticRun, syntheticOptions, syntheticPlan } from "./synthetic-run.itest-kit.js";
import { type RunsEvent, watchRuns } from "./watch-runs.js";

const ID = "20261122T101500Z-deploy";
let folder: string;
let run: SyntheticRun;
let stop: AbortController;
let told: RunsEvent[];
let watching: Promise<void>;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "fiber-watch-"));
  run = { stateDir: join(folder, "state"), world: join(folder, "world") };
  stop = new AbortController();
  told = [];
});
afterEach(async () => {
  stop.abort();
  await watching;
  rmSync(folder, { recursive: true, force: true });
});

function watch(fromStart = false): void {
  const follow = async () => {
    const events = watchRuns(run.stateDir, { signal: stop.signal, everyMs: 10, fromStart });
    for await (const event of events) told.push(event);
  };
  watching = follow();
}

async function untilTold(wanted: (event: RunsEvent) => boolean): Promise<RunsEvent> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    const found = told.find(wanted);
    if (found !== undefined) return found;
    if (Date.now() > deadline) throw new Error(`never told; told were ${JSON.stringify(told)}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

const stateIs = (state: string) => (event: RunsEvent) =>
  event.kind === "run" && event.run.state === state;

test("a run is followed from its begin to its end, with how its steps stand", async () => {
  watch();
  let letGo = () => {};
  const held = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const options = syntheticOptions(run);
  const running = runPlan(syntheticPlan(ID), {
    ...options,
    steps: (context) =>
      options.steps(context).map((step) =>
        step.id === "verify"
          ? {
              ...step,
              run: async () => {
                context.standing("verify", { lag_s: 1.5 });
                await held;
                return await step.run();
              },
            }
          : step,
      ),
  });
  await untilTold(stateIs("running"));
  await untilTold(
    (event) =>
      event.kind === "run" &&
      event.run.steps.some(
        ({ id, state, detail }) => id === "verify" && state === "running" && detail?.lag_s === 1.5,
      ),
  );
  letGo();
  await running;
  await untilTold(stateIs("done"));
});

test("a run whose process died is told as interrupted, then as done", async () => {
  const failing = runPlan(syntheticPlan(ID), syntheticOptions({ ...run, failAt: "migrate" }));
  await expect(failing).rejects.toMatchObject({ code: "STEP_FAILED" });
  const gone = spawnSync("true").pid;
  const lock = { ...identifyProcess(process.pid), since: "now", what: "fiber deploy v2" };
  const held = { ...lock, journal: journalPath(run.stateDir, ID) };
  writeFileSync(join(run.stateDir, "run.lock"), JSON.stringify(held));
  watch();
  await untilTold(stateIs("running"));
  writeFileSync(join(run.stateDir, "run.lock"), JSON.stringify({ ...held, pid: gone }));
  await untilTold(stateIs("failed"));
  await resumeRun(syntheticOptions(run));
  await untilTold(stateIs("done"));
});

test("what ended before is told only to those who ask for it", async () => {
  await runPlan(syntheticPlan(ID), syntheticOptions(run));
  watch(true);
  await untilTold(stateIs("done"));
  stop.abort();
  await watching;
  told = [];
  stop = new AbortController();
  watch();
  const second = "20261122T101600Z-deploy";
  rmSync(run.world, { recursive: true });
  await runPlan(syntheticPlan(second), syntheticOptions(run));
  await untilTold(stateIs("done"));
  expect(told.every((event) => event.kind === "run" && event.run.plan.id === second)).toBe(true);
});
