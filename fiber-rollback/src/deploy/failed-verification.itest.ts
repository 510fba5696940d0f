import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { upgrade } from "#db";
import { currentTag } from "../drivers/process/current-release.js";
import { listRuns } from "../engine/read-run.js";
import { readMaintenance } from "../maintenance/maintenance.js";
import { listQuarantines } from "../restore/quarantine.js";
import {
  abortRelease,
  planDeployOf,
  planRollbackOf,
  planUndoOf,
  resumeRelease,
  runRelease,
} from "./run-releases.js";
import {
  createSampleWorld,
  FIRST_MIGRATION,
  migration,
  type SampleWorld,
} from "./sample-world.itest-kit.js";

const DEPLOY = { skipGates: null, allowUnsigned: null, allowLoss: false, reason: null };
const BACK = { to: null, restoreData: false, allowLoss: false, reason: null };

let sample: SampleWorld;
/** A file in it named like a release fails that release's verification. */
let refused: string;
beforeAll(async () => {
  refused = mkdtempSync(join(tmpdir(), "fiber-refused-"));
  sample = await createSampleWorld({ database: true });
  const yaml = sample.app.repository.git("show", "HEAD:fiber.yaml");
  const gate = `verify:\n  - { id: allowed, title: Nobody objects, kind: command, run: 'test ! -e "${refused}/$FIBER_RELEASE"', within_s: 1 }`;
  sample.release("v1.0.0", {
    migrations: { "0001_first.sql": FIRST_MIGRATION },
    files: { "fiber.yaml": yaml.replace("verify:", gate) },
    // It fails on the newer schema, so that code alone does not go back.
    smokeSql:
      "SELECT 1 / (1 - count(*)) FROM information_schema.columns WHERE column_name = 'colour'",
  });
  const colour = migration(
    "ALTER TABLE things ADD COLUMN colour text;",
    "ALTER TABLE things DROP COLUMN colour;",
  );
  sample.release("v1.1.0", { migrations: { "0002_colour.sql": colour } });
}, 180_000);
afterAll(async () => {
  await sample.remove();
  rmSync(refused, { recursive: true });
});

const refuse = (tag: string) => writeFileSync(join(refused, tag), "");
const accept = (tag: string) => rmSync(join(refused, tag));

async function deploy(tag: string) {
  return await runRelease(sample.world, await planDeployOf(sample.world, { tag, ...DEPLOY }));
}

async function post(name: string): Promise<void> {
  const answer = await fetch(`${sample.app.url}/things`, { method: "POST", body: name });
  expect(answer.status).toBe(202);
}

const statusOf = async (tag: string) => (await sample.world.store.read(tag))?.status;
const newestRun = async () => (await listRuns(sample.stateDir))[0];
const openWindows = async () =>
  (await readMaintenance(sample.stateDir)).filter((one) => one.closedMs === null);

/** A release runs, and is what a restart would start; ingest is open. */
async function expectRuns(tag: string): Promise<void> {
  expect(await sample.health()).toMatchObject({ version: tag });
  expect(await currentTag(sample.stateDir)).toBe(tag);
  expect(await sample.standingFences()).toBe(0);
}

describe("a first deploy that is not verified", { timeout: 180_000 }, () => {
  it("ends, says that its release runs on for want of another, and closes what it opened", async () => {
    refuse("v1.0.0");
    const plan = await planDeployOf(sample.world, { tag: "v1.0.0", ...DEPLOY });
    expect(plan.warnings.join()).toMatch(/no release to go back to.*behind it leaves v1\.0\.0/);
    await expect(runRelease(sample.world, plan)).rejects.toMatchObject({
      code: "VERIFY_FAILED",
      message: expect.stringMatching(
        /no release to go back to: it runs on.*fiber deploy.*fiber up --tree.*Nobody objects/,
      ),
    });
    const run = await newestRun();
    expect(run).toMatchObject({ state: "failed", resumable: false, failure: { step: "verify" } });
    expect(run?.outcome).toMatch(/failed and was not undone/);
    await expectRuns("v1.0.0");
    expect(await openWindows()).toEqual([]);
    expect(await statusOf("v1.0.0")).toBe("bad");
    expect(sample.reported).toEqual([plan.id]);
    await post("one");
  });

  it("is no way back, and leaves nothing to resume or to abort", async () => {
    for (const further of [resumeRelease, abortRelease]) {
      await expect(further(sample.world)).rejects.toMatchObject({ code: "RUN_NOT_FOUND" });
    }
    await expect(planRollbackOf(sample.world, BACK)).rejects.toMatchObject({
      code: "NOTHING_TO_GO_BACK_TO",
    });
  });

  it("is what a further release that fails comes back to, as bad as it was", async () => {
    refuse("v1.1.0");
    const run = await deploy("v1.1.0");
    expect(run).toMatchObject({ state: "taken-back", failure: { step: "verify" } });
    await expectRuns("v1.0.0");
    expect([await statusOf("v1.0.0"), await statusOf("v1.1.0")]).toEqual(["bad", "bad"]);
    expect(await openWindows()).toEqual([]);
    await expect(resumeRelease(sample.world)).rejects.toMatchObject({ code: "RUN_NOT_FOUND" });
    accept("v1.1.0");
  });

  it("is measured again by deploying it again, and is good when the cause is mended", async () => {
    await expect(deploy("v1.0.0")).rejects.toMatchObject({ code: "VERIFY_FAILED" });
    await expectRuns("v1.0.0");
    accept("v1.0.0");
    expect((await deploy("v1.0.0")).state).toBe("done");
    expect(await statusOf("v1.0.0")).toBe("good");
    await expect(deploy("v1.0.0")).rejects.toMatchObject({ code: "NOTHING_TO_DEPLOY" });
    expect(await openWindows()).toEqual([]);
  });
});

describe("a rollback that is not verified", { timeout: 180_000 }, () => {
  /** Rolls v1.1.0 back while v1.0.0 is refused. */
  async function rollBack(what: string, request: Partial<typeof BACK> = {}) {
    expect((await deploy("v1.1.0")).state).toBe("done");
    await post(`under v1.1.0, ${what}`);
    refuse("v1.0.0");
    const plan = await planRollbackOf(sample.world, { ...BACK, to: "v1.0.0", ...request });
    await expect(runRelease(sample.world, plan)).rejects.toMatchObject({
      code: "VERIFY_FAILED",
      message: expect.stringMatching(/does not take itself back.*rollback resume.*rollback undo/),
    });
    expect(await newestRun()).toMatchObject({
      ...{ state: "failed", resumable: true, failure: { step: "verify" } },
    });
    expect(sample.reported.at(-1)).toBe(plan.id);
    await expectRuns("v1.0.0");
    return plan;
  }

  it("stays where it is, is measured again by resume, and is done when the cause is mended", async () => {
    const plan = await rollBack("resumed");
    expect(plan.level).toBe("schema");
    await expect(deploy("v1.1.0")).rejects.toMatchObject({ code: "RUN_UNFINISHED" });
    await expect(resumeRelease(sample.world)).rejects.toMatchObject({ code: "VERIFY_FAILED" });
    await expectRuns("v1.0.0");
    accept("v1.0.0");
    const run = await resumeRelease(sample.world);
    expect(run).toMatchObject({ plan: { id: plan.id }, state: "done" });
    expect([await statusOf("v1.0.0"), await statusOf("v1.1.0")]).toEqual(["good", "bad"]);
    expect(await openWindows()).toEqual([]);
  });

  it.each([
    ["schema", {}],
    ["data", { restoreData: true }],
  ])("goes forward to what it left by undo: %s", async (level, request) => {
    const plan = await rollBack(level, request);
    expect(plan.level).toBe(level);
    const kept = sample.world.data === null ? [] : await listQuarantines(sample.world.data);
    expect(kept).toHaveLength(level === "data" ? 1 : 0);
    await post(`under v1.0.0, ${level}`);
    const before = await sample.things();

    const undo = await planUndoOf(sample.world, { reason: null });
    expect(undo).toMatchObject({ kind: "undo", level, to: "v1.1.0" });
    expect((await runRelease(sample.world, undo)).state).toBe("done");
    await expectRuns("v1.1.0");
    expect(await sample.things()).toEqual(before);
    expect(await openWindows()).toEqual([]);
    expect([await statusOf("v1.0.0"), await statusOf("v1.1.0")]).toEqual(["bad", "good"]);
    const left = (await listRuns(sample.stateDir)).find((run) => run.plan.id === plan.id);
    expect(left).toMatchObject({ state: "failed", resumable: false });
    await expect(resumeRelease(sample.world)).rejects.toMatchObject({ code: "RUN_NOT_FOUND" });

    accept("v1.0.0");
    const back = await planRollbackOf(sample.world, { ...BACK, to: "v1.0.0" });
    expect((await runRelease(sample.world, back)).state).toBe("done");
  });
});

it("names what brings the data back, where a first deploy destroys it and nothing can take it back", async () => {
  const first = await createSampleWorld({ database: true });
  try {
    const earlier = { "0001_first.sql": FIRST_MIGRATION };
    writeFileSync(join(refused, "0001_first.sql"), FIRST_MIGRATION);
    await upgrade({ connectionString: first.database?.url ?? "", folder: refused });
    await first.database?.pool.query("INSERT INTO things VALUES ('one'), ('two')");
    const bad = migration("DELETE FROM things WHERE name = 'two';", "SELECT 1;");
    first.release("v1.0.0", { migrations: { ...earlier, "0002_bad.sql": bad } });
    const plan = await planDeployOf(first.world, { tag: "v1.0.0", ...DEPLOY });
    expect(plan.loss.statement).toContain("fails, and what brings them back is named");
    await expect(runRelease(first.world, plan)).rejects.toMatchObject({
      code: "DATA_DESTROYED",
      message: expect.stringMatching(
        /things lost 1 of 2 rows.*nothing was restored: fiber restore/,
      ),
    });
    expect(await first.standingFences()).toBe(0);
  } finally {
    await first.remove();
  }
}, 120_000);
