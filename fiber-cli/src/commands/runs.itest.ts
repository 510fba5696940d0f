import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { engineVersion, newRunId, noProgress, type RunPlan, runPlan, type Step } from "#rollback";
import { type CommandResult, createLogger, packageRoot, runCommand, systemClock } from "#runtime";

let stateDir: string;
beforeEach(() => {
  stateDir = mkdtempSync(join(tmpdir(), "fiber-runs-cli-"));
});
afterEach(() => rmSync(stateDir, { recursive: true, force: true }));

/** Runs `fiber …` as an operator without a terminal does. */
function fiber(...args: string[]): Promise<CommandResult> {
  const tsx = import.meta.resolve("tsx");
  const main = join(packageRoot, "fiber-cli/src/main.ts");
  return runCommand([process.execPath, "--import", tsx, "--conditions=source", main, ...args], {
    env: { FIBER_STATE_DIR: stateDir },
  });
}

/** Runs a plan of two steps, of which the second may fail. */
async function deploy(to: string, works: boolean): Promise<string> {
  const ids = ["preflight", "switch"];
  const plan: RunPlan = {
    format: 1,
    id: await newRunId(stateDir, "deploy"),
    kind: "deploy",
    engine: engineVersion(),
    createdAt: new Date().toISOString(),
    operator: "ama",
    host: "ops-1",
    reason: "new charts",
    project: "sample",
    repository: stateDir,
    from: "v1.0.0",
    to,
    level: "code",
    why: "the schema is the same",
    steps: ids.map((id) => ({
      id,
      title: `Do ${id}`,
      kind: "reversible",
      commands: [],
      loses: null,
    })),
    loss: { statement: "Nothing is lost.", tables: [], sampleMinutes: null },
    outage: { readsMs: 0, ingestMs: 0, basis: "no run yet" },
    estimate: { ms: 0, basis: "no run yet" },
    pointOfNoReturn: null,
    warnings: [],
    facts: {},
  };
  const step = (id: string): Step => ({
    id,
    title: `Do ${id}`,
    kind: "reversible",
    lasting: true,
    check: async () => ({ state: "needed" }),
    async run() {
      if (id === "switch" && !works) throw new Error("the new API never got warm");
      return {};
    },
    verify: async () => {},
  });
  const ports = {
    log: createLogger({ role: "test", level: "silent" }),
    clock: systemClock,
    progress: noProgress,
    data: null,
  };
  await runPlan(plan, { stateDir, steps: () => ids.map(step), ports }).catch(() => {});
  return plan.id;
}

it("says that nothing ran yet, in words and as an empty list", async () => {
  expect(await fiber("runs", "list")).toMatchObject({
    exitCode: 0,
    stdout: "Nothing was deployed or rolled back here yet.",
  });
  expect(JSON.parse((await fiber("runs", "list", "--json")).stdout)).toEqual({
    runs: [],
    unreadable: [],
  });
  expect(await fiber("runs", "show")).toMatchObject({ exitCode: 3, stdout: "" });
  expect((await fiber("runs", "show", "20261122T101500Z-deploy")).exitCode).toBe(3);
  expect((await fiber("runs", "list", "--limit", "none")).exitCode).toBe(2);
}, 180_000);

it("lists runs newest first and shows one with its steps and its failure", async () => {
  const first = await deploy("v1.1.0", true);
  const second = await deploy("v1.2.0", false);
  const list = JSON.parse((await fiber("runs", "list", "--json")).stdout);
  expect(list.runs.map((run: { plan: RunPlan }) => run.plan.id)).toEqual([second, first]);
  const text = (await fiber("runs", "list")).stdout.split("\n");
  expect(text[1]).toMatch(/-deploy +v1\.0\.0 +v1\.2\.0 +code +failed/);
  expect(text[2]).toMatch(/-deploy +v1\.0\.0 +v1\.1\.0 +code +done/);

  const shown = await fiber("runs", "show");
  expect(shown.stdout).toContain(`run       ${second}`);
  expect(shown.stdout).toContain("ama on ops-1: new charts");
  expect(shown.stdout).toMatch(/preflight +done +\d+\.\d s +Do preflight/);
  expect(shown.stdout).toMatch(/switch +failed +\d+\.\d s +the new API never got warm/);
  expect(shown.stdout).toContain("go on with fiber rollback resume");
  const json = JSON.parse((await fiber("runs", "show", first, "--json")).stdout);
  expect(json).toMatchObject({ state: "done", resumable: false, plan: { id: first } });
}, 180_000);
