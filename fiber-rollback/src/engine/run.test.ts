import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { planRestore } from "../restore/restore-plan.js";
import { openJournal } from "./journal.js";
import { listRuns, readRun } from "./read-run.js";
import { abortRun, resumeRun, runPlan } from "./run.js";
import type { RunEvent } from "./run-context.js";
import { findUnfinishedRun, journalPath, newRunId, runFolder } from "./run-store.js";
import {
  readWorld,
  type SyntheticRun,
  syntheticOptions,
  syntheticPlan,
} from "./synthetic-run.itest-kit.js";

const ID = "20261122T101500Z-deploy";
let folder: string;
let run: SyntheticRun;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "fiber-run-"));
  run = { stateDir: join(folder, "state"), world: join(folder, "world") };
  writeFileSync(join(folder, "keep"), "");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const begin = (change: Partial<SyntheticRun> = {}, id = ID) =>
  runPlan(syntheticPlan(id), syntheticOptions({ ...run, ...change }));
const lines = async () => {
  const journal = await openJournal(journalPath(run.stateDir, ID));
  await journal.close();
  return journal.lines();
};
const events = async () =>
  (await lines()).map((line) => ("step" in line ? `${line.event}:${line.step}` : line.event));

describe("a run", () => {
  it("does its steps in order and is read as done, with who did it on what", async () => {
    const record = await begin();
    expect(record).toMatchObject({ state: "done", resumable: false, outcome: "deploy to v2 done" });
    expect(record.steps.every((step) => step.state === "done")).toBe(true);
    expect(record.durationMs).toBeGreaterThanOrEqual(0);
    expect(readWorld(run.world).made).toEqual(record.plan.steps.map(({ id }) => id));
    const [first] = await lines();
    expect(first).toMatchObject({
      event: "begin",
      detail: { format: 1, id: ID, operator: expect.any(String), host: expect.any(String) },
    });
    expect(await findUnfinishedRun(run.stateDir)).toBeNull();
    expect(readdirSync(run.stateDir).sort()).toEqual(["reserve.bin", "runs"]);
  });

  it("stops where a step fails, keeps nothing closed, and goes on when it is resumed", async () => {
    await expect(begin({ failAt: "migrate" })).rejects.toMatchObject({ code: "STEP_FAILED" });
    expect(readWorld(run.world).effects).toEqual(["backup", "preflight"]);
    const failed = await readRun(run.stateDir, ID);
    expect(failed).toMatchObject({
      state: "failed",
      resumable: true,
      failure: { step: "migrate", code: "STEP_FAILED" },
    });
    expect(failed.steps.map(({ state }) => state)).toEqual([
      "done",
      "done",
      "undone",
      "failed",
      "waiting",
      "waiting",
      "waiting",
    ]);
    const record = await resumeRun(syntheticOptions(run));
    expect(record.state).toBe("done");
    // The fence passes by itself, so it was raised again; nothing else was done twice.
    expect(readWorld(run.world).made.filter((id) => id === "fence")).toHaveLength(2);
    expect(readWorld(run.world).made.filter((id) => id === "backup")).toHaveLength(1);
  });

  it("refuses a second run while one is unfinished, and says how to go on", async () => {
    await expect(begin({ failAt: "migrate" })).rejects.toThrow();
    await expect(begin({}, "20261122T101600Z-deploy")).rejects.toMatchObject({
      code: "RUN_UNFINISHED",
      message: expect.stringMatching(/resume.*abort/),
    });
    expect(readdirSync(join(run.stateDir, "runs"))).toEqual([ID]);
  });

  it("is refused while a restore is unfinished: both change data", async () => {
    const restores = join(run.stateDir, "restores", "20261122T101400Z");
    mkdirSync(restores, { recursive: true });
    const live = { name: "fiberstack", oid: 5, owner: "postgres", encoding: "UTF8" };
    const plan = planRestore({
      nowMs: 0,
      id: "20261122T101400Z",
      source: { kind: "quarantine", database: "fiberstack_q1" },
      live: { ...live, collate: "C", ctype: "C", head: null },
      ...{ liveTables: [], sourceTables: null, sourceHead: null, codeHead: null },
      ...{ keepDays: 7, leaveSuspect: false, thenUpgrade: false },
    });
    writeFileSync(join(restores, "plan.json"), JSON.stringify(plan));
    writeFileSync(join(restores, "journal.jsonl"), '{"event":"begin"}\n');
    await expect(begin()).rejects.toMatchObject({
      code: "RESTORE_UNFINISHED",
      message: expect.stringMatching(/fiber restore --resume/),
    });
    expect(existsSync(runFolder(run.stateDir, ID))).toBe(false);
  });

  it("stops before the next step when it is told to, and can be resumed", async () => {
    const stop = new AbortController();
    const options = syntheticOptions(run);
    const stopping = runPlan(syntheticPlan(ID), {
      ...options,
      ports: { ...options.ports, signal: stop.signal },
      observe: (event) => {
        if (event.event === "done" && event.step === "migrate") stop.abort();
      },
    });
    await expect(stopping).rejects.toMatchObject({ code: "RUN_STOPPED" });
    expect(await events()).toContain("stopped:switch");
    expect(await readRun(run.stateDir, ID)).toMatchObject({ state: "interrupted" });
    expect((await resumeRun(options)).state).toBe("done");
  });

  it("runs no plan that has other steps than were shown", async () => {
    const plan = syntheticPlan(ID);
    const other = { ...plan, steps: plan.steps.slice(1) };
    await expect(runPlan(other, syntheticOptions(run))).rejects.toMatchObject({
      code: "PLAN_UNKNOWN_STEP",
    });
    expect(readWorld(run.world).effects).toEqual([]);
  });
});

describe("abort", () => {
  it("undoes what the run did, last first, and leaves what it found", async () => {
    syntheticOptions(run);
    writeFileSync(join(run.world, "migrate"), "by somebody else");
    await expect(begin({ failAt: "switch" })).rejects.toThrow();
    const record = await abortRun(syntheticOptions(run));
    expect(record).toMatchObject({ state: "aborted", resumable: false });
    // Reversible steps change nothing that anyone uses: they stay.
    expect(readWorld(run.world).effects).toEqual(["backup", "migrate", "preflight"]);
    await expect(resumeRun(syntheticOptions(run))).rejects.toMatchObject({ code: "RUN_NOT_FOUND" });
  });

  it("is refused after the pivot, with the way on and the way back", async () => {
    await expect(begin({ failAt: "verify" })).rejects.toThrow();
    await expect(abortRun(syntheticOptions(run))).rejects.toMatchObject({
      code: "RUN_PAST_PIVOT",
      message: expect.stringMatching(/resume.*fiber rollback --to v1/s),
    });
    expect((await resumeRun(syntheticOptions(run))).state).toBe("done");
  });
});

describe("a deploy that fails", () => {
  it("is undone where that is enough, and ends as failed", async () => {
    await expect(begin({ failAt: "migrate", takesBack: true })).rejects.toMatchObject({
      code: "STEP_FAILED",
    });
    expect(await readRun(run.stateDir, ID)).toMatchObject({ state: "failed", resumable: false });
    expect((await events()).slice(-4)).toEqual([
      "failed:migrate",
      "undone:migrate",
      "undone:fence",
      "end",
    ]);
    const { steps } = await readRun(run.stateDir, ID);
    expect(steps.find(({ id }) => id === "migrate")).toMatchObject({
      state: "failed",
      error: { code: "STEP_FAILED" },
    });
  });

  it("is taken back by its counter-plan in the same run", async () => {
    const seen: RunEvent[] = [];
    const record = await runPlan(syntheticPlan(ID), {
      ...syntheticOptions({ ...run, failAt: "verify", takesBack: true }),
      observe: (event) => seen.push(event),
    });
    expect(record).toMatchObject({
      state: "taken-back",
      resumable: false,
      failure: { step: "verify" },
      takenBackBy: { plan: { kind: "rollback", to: "v1" } },
    });
    expect(record.takenBackBy?.steps.every(({ state }) => state === "done")).toBe(true);
    expect(seen.find(({ event }) => event === "taking-back")).toMatchObject({
      failure: { step: "verify", message: "verify was told to fail" },
    });
    expect(readWorld(run.world).effects).toContain("back-downgrade");
    expect(readdirSync(runFolder(run.stateDir, ID)).sort()).toEqual([
      "journal.jsonl",
      "plan-back.json",
      "plan.json",
    ]);
  });

  it("whose way back stops says so, is not aborted, and goes on from there", async () => {
    const failing = { failAt: "verify", takesBack: true, backFailsAt: "switch" };
    await expect(begin(failing)).rejects.toMatchObject({
      code: "TAKE_BACK_FAILED",
      message: expect.stringContaining("switch was told to fail"),
    });
    await expect(abortRun(syntheticOptions(run))).rejects.toMatchObject({ code: "RUN_PAST_PIVOT" });
    const options = syntheticOptions({ ...run, failAt: "verify", takesBack: true });
    expect((await resumeRun(options)).state).toBe("taken-back");
    expect(readWorld(run.world).made.filter((id) => id === "back-downgrade")).toHaveLength(1);
  });
});

describe("state that is not ours to go on with", () => {
  it("is refused by name when a newer fiber wrote it, until it has ended", async () => {
    await expect(begin({ failAt: "migrate" })).rejects.toThrow();
    const path = join(runFolder(run.stateDir, ID), "plan.json");
    const plan = JSON.parse(readFileSync(path, "utf8"));
    writeFileSync(path, JSON.stringify({ ...plan, format: 2, engine: "2.1.0-abc", odd: {} }));
    for (const attempt of [
      () => begin({}, "20261122T101600Z-deploy"),
      () => resumeRun(syntheticOptions(run)),
      () => abortRun(syntheticOptions(run)),
      () => readRun(run.stateDir, ID),
    ]) {
      await expect(attempt()).rejects.toMatchObject({
        code: "RUN_TOO_NEW",
        message: expect.stringContaining("engine 2.1.0-abc, format 2"),
      });
    }
    const told: string[] = [];
    expect(await listRuns(run.stateDir, (id, { code }) => told.push(`${id} ${code}`))).toEqual([]);
    expect(told).toEqual([`${ID} RUN_TOO_NEW`]);
    const journal = await openJournal(journalPath(run.stateDir, ID));
    await journal.write({ event: "end", detail: { outcome: "done" } });
    await journal.close();
    expect((await begin({}, "20261122T101600Z-deploy")).state).toBe("done");
  });

  it("is refused when the stored plan was changed since", async () => {
    await expect(begin({ failAt: "migrate" })).rejects.toThrow();
    const path = join(runFolder(run.stateDir, ID), "plan.json");
    writeFileSync(path, readFileSync(path, "utf8").replace('"to": "v2"', '"to": "v3"'));
    await expect(resumeRun(syntheticOptions(run))).rejects.toMatchObject({ code: "PLAN_CHANGED" });
  });

  it("is refused when another engine began it, unless that is said to be lost", async () => {
    const plan = { ...syntheticPlan(ID), engine: "0.9.0-lost" };
    const options = syntheticOptions({ ...run, failAt: "migrate" });
    await expect(runPlan(plan, options)).rejects.toMatchObject({ code: "STEP_FAILED" });
    await expect(resumeRun(syntheticOptions(run))).rejects.toMatchObject({
      code: "RUN_OTHER_ENGINE",
    });
    const record = await resumeRun({ ...syntheticOptions(run), otherEngine: "its disk died" });
    expect(record.state).toBe("done");
    expect((await lines()).find(({ event }) => event === "resume")).toMatchObject({
      detail: { otherEngine: "its disk died" },
    });
  });
});

describe("a clock that jumps back", () => {
  it("changes neither the order of runs nor what they did", async () => {
    let now = Date.parse("2026-11-22T10:15:00Z");
    const options = syntheticOptions(run);
    const clock = { ...options.ports.clock, now: () => (now -= 3_600_000) };
    const ids: string[] = [];
    for (const _ of [1, 2, 3]) {
      const id = await newRunId(run.stateDir, "deploy", clock.now);
      ids.push(id);
      const record = await runPlan(syntheticPlan(id), {
        ...options,
        ports: { ...options.ports, clock },
      });
      expect(record.state).toBe("done");
      expect(record.durationMs).toBeGreaterThanOrEqual(0);
    }
    expect([...ids].sort()).toEqual(ids);
    expect((await listRuns(run.stateDir)).map(({ plan }) => plan.id)).toEqual(ids.toReversed());
  });
});
