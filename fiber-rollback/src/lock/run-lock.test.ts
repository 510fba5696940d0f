import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { identifyProcess } from "#runtime";
import { readRun } from "../engine/read-run.js";
import { runPlan } from "../engine/run.js";
import type { RunOptions } from "../engine/run-context.js";
import { journalPath, readJournalLines } from "../engine/run-store.js";
import {
  type SyntheticRun,
  syntheticOptions,
  syntheticPlan,
} from "../engine/synthetic-run.itest-kit.js";

const ID = "20261122T101500Z-deploy";
let folder: string;
let run: SyntheticRun;
let lock: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "fiber-run-lock-"));
  run = { stateDir: join(folder, "state"), world: join(folder, "world") };
  mkdirSync(run.stateDir);
  lock = join(run.stateDir, "run.lock");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Options of a run that waits in a step; `entered` resolves when it is there. */
function waitIn(step: string): { options: RunOptions; entered: Promise<void>; goOn: () => void } {
  const base = syntheticOptions(run);
  let goOn = () => {};
  let enter = () => {};
  const gate = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  const entered = new Promise<void>((resolve) => {
    enter = resolve;
  });
  const waiting = (one: ReturnType<RunOptions["steps"]>[number]) => ({
    ...one,
    async run() {
      enter();
      await gate;
      return await one.run();
    },
  });
  const steps: RunOptions["steps"] = (context) =>
    base.steps(context).map((one) => (one.id === step ? waiting(one) : one));
  return { options: { ...base, steps }, entered, goOn };
}

const putLock = (change: object) =>
  writeFileSync(
    lock,
    JSON.stringify({
      ...identifyProcess(process.pid),
      since: "2026-11-22T10:15:00.000Z",
      what: "fiber deploy v3",
      ...change,
    }),
  );

describe("of two operators at once", () => {
  it("the second is told who runs what, since when and at which step, and changes nothing", async () => {
    const first = waitIn("migrate");
    const running = runPlan(syntheticPlan(ID), first.options);
    await first.entered;
    expect(await readRun(run.stateDir, ID)).toMatchObject({ state: "running" });
    const second = "20261122T101600Z-deploy";
    await expect(runPlan(syntheticPlan(second), syntheticOptions(run))).rejects.toMatchObject({
      code: "LOCKED",
      message: expect.stringMatching(
        new RegExp(`"fiber deploy v2" runs since .* process ${process.pid} on .* at step migrate`),
      ),
    });
    await expect(readRun(run.stateDir, second)).rejects.toMatchObject({ code: "RUN_NOT_FOUND" });
    first.goOn();
    expect((await running).state).toBe("done");
  });
});

describe("a stale lock", () => {
  it.each([
    ["of a process that is gone", { startTime: "1" }],
    ["from before a reboot", { bootId: "another boot" }],
  ])("%s is taken over, which the journal says", async (_, change) => {
    putLock(change);
    expect((await runPlan(syntheticPlan(ID), syntheticOptions(run))).state).toBe("done");
    const [begin] = await readJournalLines(run.stateDir, ID);
    expect(begin).toMatchObject({
      detail: { tookOver: { from: { what: "fiber deploy v3" }, reason: "it was gone" } },
    });
  });
});

describe("the lock of another host or container", () => {
  it.each([
    ["host", { bootId: "another boot", host: "ops-2" }],
    ["container", { pidNamespace: "pid:[1]" }],
  ])(
    "(%s) is respected, and taken over only with a reason, which is journaled",
    async (_, change) => {
      putLock(change);
      await expect(runPlan(syntheticPlan(ID), syntheticOptions(run))).rejects.toMatchObject({
        code: "LOCKED",
        message: expect.stringMatching(/nobody can look.*--take-over REASON/i),
      });
      const options = { ...syntheticOptions(run), takeOver: "ops-2 burnt down" };
      expect((await runPlan(syntheticPlan(ID), options)).state).toBe("done");
      const [begin] = await readJournalLines(run.stateDir, ID);
      expect(begin).toMatchObject({ detail: { tookOver: { reason: "ops-2 burnt down" } } });
    },
  );

  it("is told as running: nobody knows better", async () => {
    await runPlan(syntheticPlan(ID), syntheticOptions({ ...run, failAt: "migrate" })).catch(
      () => {},
    );
    putLock({ bootId: "x", host: "ops-2", journal: journalPath(run.stateDir, ID) });
    expect(await readRun(run.stateDir, ID)).toMatchObject({ state: "running" });
  });
});

it("a run whose lock was taken over by somebody else does nothing more", async () => {
  const first = waitIn("migrate");
  const running = runPlan(syntheticPlan(ID), first.options);
  await first.entered;
  putLock({ bootId: "another boot", host: "ops-2" });
  first.goOn();
  await expect(running).rejects.toMatchObject({ code: "LOCK_LOST" });
  const last = (await readJournalLines(run.stateDir, ID)).at(-1);
  expect(last).toMatchObject({ event: "done", step: "migrate" });
  expect(JSON.parse(readFileSync(lock, "utf8"))).toMatchObject({ host: "ops-2" });
});
