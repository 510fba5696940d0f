import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RunRecord } from "../engine/run-record.js";
import { planDeployOf, planRollbackOf, planUndoOf, runRelease } from "./run-releases.js";
import { createSampleWorld, SAMPLE_DRIVERS, type SampleWorld } from "./sample-world.itest-kit.js";

const DEPLOY = { skipGates: null, allowUnsigned: null, allowLoss: false, reason: null };
const BACK = { to: null, restoreData: false, allowLoss: false, reason: "a test" };

let sample: SampleWorld;

async function deploy(tag: string): Promise<RunRecord> {
  const plan = await planDeployOf(sample.world, { tag, ...DEPLOY });
  return await runRelease(sample.world, plan);
}

const TIMES = { timeout: 240_000 };

describe.each(SAMPLE_DRIVERS)("releases of an app without a database, by %s", TIMES, (driver) => {
  beforeAll(async () => {
    sample = await createSampleWorld({ driver });
    sample.release("v1.0.0");
  });
  afterAll(() => sample.remove(), 60_000);

  it("deploys the first, and says that there is nothing to go back to yet", async () => {
    const plan = await planDeployOf(sample.world, { tag: "v1.0.0", ...DEPLOY });
    expect(plan.loss.statement).toMatch(/nothing to go back to yet/);
    const run = await runRelease(sample.world, plan);
    expect(run.state).toBe("done");
    expect(await sample.health()).toMatchObject({ version: "v1.0.0" });
    expect(await sample.world.store.read("v1.0.0")).toMatchObject({ status: "good" });
    await expect(planRollbackOf(sample.world, BACK)).rejects.toMatchObject({
      code: "NOTHING_TO_GO_BACK_TO",
    });
  });

  it("deploys the next, rolls it back by code alone, and undoes that", async () => {
    sample.release("v1.1.0");
    expect((await deploy("v1.1.0")).state).toBe("done");
    expect(await sample.health()).toMatchObject({ version: "v1.1.0" });

    const plan = await planRollbackOf(sample.world, BACK);
    expect(plan).toMatchObject({ level: "code", from: "v1.1.0", to: "v1.0.0" });
    expect((await runRelease(sample.world, plan)).state).toBe("done");
    expect(await sample.health()).toMatchObject({ version: "v1.0.0" });
    expect(await sample.world.store.read("v1.1.0")).toMatchObject({ status: "bad" });

    const undo = await planUndoOf(sample.world, { reason: null });
    expect(undo).toMatchObject({ kind: "undo", level: "code", to: "v1.1.0" });
    expect((await runRelease(sample.world, undo)).state).toBe("done");
    expect(await sample.health()).toMatchObject({ version: "v1.1.0" });
  });

  it("gives up folders that the last two good releases do not need; what stays is told, not fatal", async () => {
    const { driver } = sample.world;
    const prunedBy = (run: RunRecord) =>
      run.steps.find(({ id }) => id === "record")?.detail?.pruned;
    sample.release("v1.1.1");
    const refusing = {
      ...sample.world,
      driver: { ...driver, remove: async () => Promise.reject(new Error("EBUSY: a test")) },
    };
    const plan = await planDeployOf(refusing, { tag: "v1.1.1", ...DEPLOY });
    const first = await runRelease(refusing, plan);
    expect(first.state).toBe("done");
    expect(prunedBy(first)).toEqual({
      removed: [],
      kept: [{ tag: "v1.0.0", problem: "EBUSY: a test" }],
    });
    expect(await driver.find("v1.0.0")).not.toBeNull();

    sample.release("v1.1.2");
    const second = await deploy("v1.1.2");
    expect(prunedBy(second)).toEqual({ removed: ["v1.1.0", "v1.0.0"], kept: [] });
    expect(await driver.find("v1.1.1")).not.toBeNull();
    // Its record stays, and it is built again when it is wanted.
    expect(await sample.world.store.read("v1.0.0")).toMatchObject({ status: "good" });
    const old = await planRollbackOf(sample.world, { ...BACK, to: "v1.0.0" });
    expect((await runRelease(sample.world, old)).state).toBe("done");
    expect((await deploy("v1.1.1")).state).toBe("done");
  });

  it.each(["answers-500", "crash", "build-fails", "hangs"] as const)(
    "leaves v1.1.1 running when the next one is broken: %s",
    async (breakage) => {
      const tag = `v1.2.0-${breakage}`;
      sample.release(tag, { breakage });
      const before = sample.reported.length;
      const run = await deploy(tag).catch((err: Error & { code: string }) => err);
      if (run instanceof Error) expect(run.code).toBe("BUILD_FAILED");
      else {
        expect(run.state).toBe("taken-back");
        expect(sample.reported.length).toBe(before + 1);
        expect(await sample.world.store.read(tag)).toMatchObject({ status: "bad" });
      }
      expect(await sample.health()).toMatchObject({ version: "v1.1.1" });
      expect(await sample.world.store.read("v1.1.1")).toMatchObject({ status: "good" });
    },
  );
});
