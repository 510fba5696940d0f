import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openSession } from "#db";
import { destroyTree } from "../drivers/process/frozen-tree.js";
import { createGit } from "../git/run-git.js";
import { importReleases } from "../releases/import-releases.js";
import { releaseTree } from "../releases/release-places.js";
import {
  abortRelease,
  planDeployOf,
  planRollbackOf,
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
const COLOUR = migration(
  "ALTER TABLE things ADD COLUMN colour text;",
  "ALTER TABLE things DROP COLUMN colour;",
);

let sample: SampleWorld;
beforeAll(async () => {
  sample = await createSampleWorld({ database: true });
  sample.release("v1.0.0", { migrations: { "0001_first.sql": FIRST_MIGRATION } });
  await deploy("v1.0.0");
  await sample.database?.pool.query("INSERT INTO things VALUES ('one')");
}, 180_000);
afterAll(() => sample.remove());

async function deploy(tag: string, world = sample.world) {
  return await runRelease(world, await planDeployOf(world, { tag, ...DEPLOY }));
}

/** v1.0.0 runs on its schema with what was there. */
async function expectUntouched(): Promise<void> {
  expect(await sample.health()).toMatchObject({ version: "v1.0.0" });
  expect(await sample.things()).toEqual(["one"]);
  expect(await sample.standingFences()).toBe(0);
  expect(await sample.databases()).toBe(1);
}

describe("faults of a deploy", { timeout: 180_000 }, () => {
  it("a migration that hangs on a lock gives up and is taken back", async () => {
    sample.release("v1.1.0", { migrations: { "0002_colour.sql": COLOUR } });
    const plan = await planDeployOf(sample.world, { tag: "v1.1.0", ...DEPLOY });
    const other = await openSession(sample.database?.url ?? "", "somebody else");
    try {
      await other.query("BEGIN; LOCK TABLE things IN ACCESS SHARE MODE");
      const run = await runRelease(sample.world, plan);
      expect(run.failure).toMatchObject({ step: "migrate", code: "LOCK_TIMEOUT" });
      expect(run.failure?.message).toContain("somebody else");
      expect(run.state).toBe("taken-back");
    } finally {
      await other.close();
    }
    await expectUntouched();
  });

  it("a release that starts and dies is noticed while it must hold, and taken back", async () => {
    const yaml = sample.app.repository.git("show", "HEAD:fiber.yaml");
    sample.release("v1.1.1", {
      ...{ breakage: "dies", diesAfterMs: 2_000 },
      migrations: { "0002_colour.sql": null },
      files: { "fiber.yaml": yaml.replace("within_s: 3", "within_s: 4\n    hold_s: 6") },
    });
    const run = await deploy("v1.1.1");
    expect(run).toMatchObject({ state: "taken-back", failure: { step: "verify" } });
    await expectUntouched();
    sample.release("v1.1.2", { files: { "fiber.yaml": yaml } });
  });

  it("two operators at once: the second is told who holds the lock, and nothing else happens", async () => {
    const plan = await planDeployOf(sample.world, { tag: "v1.1.2", ...DEPLOY });
    const settled = await Promise.allSettled([
      runRelease(sample.world, plan),
      runRelease(sample.world, { ...plan, id: plan.id.replace("-deploy", "-second") }),
    ]);
    const done = settled.filter((one) => one.status === "fulfilled");
    const refused = settled.flatMap((one) => (one.status === "rejected" ? [one.reason] : []));
    expect(done).toHaveLength(1);
    expect(refused).toMatchObject([{ code: "LOCKED", message: expect.stringContaining("deploy") }]);
    expect(await sample.health()).toMatchObject({ version: "v1.1.2" });
    const back = await planRollbackOf(sample.world, BACK);
    expect((await runRelease(sample.world, back)).state).toBe("done");
    await expectUntouched();
  });

  it("a plan that somebody overtook is refused before anything changes, and can be aborted", async () => {
    const plan = await planDeployOf(sample.world, { tag: "v1.1.2", ...DEPLOY });
    await sample.database?.pool.query(
      "UPDATE fiber_migrations SET revision = '0009' WHERE revision = '0001'",
    );
    try {
      await expect(runRelease(sample.world, plan)).rejects.toMatchObject({ code: "PLAN_STALE" });
    } finally {
      await sample.database?.pool.query("UPDATE fiber_migrations SET revision = '0001'");
    }
    await expectUntouched();
    await expect(abortRelease(sample.world)).rejects.toMatchObject({ code: "RUN_NOT_FOUND" });
  });

  it("a remote that is down keeps nobody from deploying, a worktree is as good as the clone, and a report that fails is no failure", async () => {
    const { repository } = sample.app;
    const moved = `${repository.remote}.away`;
    cpSync(repository.remote, moved, { recursive: true });
    rmSync(repository.remote, { recursive: true });
    const worktree = join(repository.folder, "..", "second");
    repository.git("worktree", "add", "--quiet", "--detach", worktree, "v1.0.0");
    try {
      const world = {
        ...sample.world,
        git: createGit(worktree),
        report: async () => {
          throw new Error("the report's disk is gone");
        },
      };
      expect((await deploy("v1.1.2", world)).state).toBe("done");
      const run = await runRelease(world, await planRollbackOf(world, BACK));
      expect(run.state).toBe("done");
      expect(run.steps.find((step) => step.id === "report")?.detail).toMatchObject({
        problem: "the report's disk is gone",
      });
    } finally {
      repository.git("worktree", "remove", "--force", worktree);
      cpSync(moved, repository.remote, { recursive: true });
      rmSync(moved, { recursive: true });
    }
    await expectUntouched();
  });
});

describe("faults of a rollback", { timeout: 180_000 }, () => {
  it("builds a target again whose artefact is gone", async () => {
    await deploy("v1.1.2");
    await destroyTree(releaseTree(sample.stateDir, "v1.0.0"));
    // What is gone is not chosen by itself, and can be named.
    await expect(planRollbackOf(sample.world, BACK)).rejects.toMatchObject({
      code: "NOTHING_TO_GO_BACK_TO",
    });
    const plan = await planRollbackOf(sample.world, { ...BACK, to: "v1.0.0" });
    expect(plan.warnings.join()).toMatch(/built again from its tag/);
    expect((await runRelease(sample.world, plan)).state).toBe("done");
    await expectUntouched();
  });

  it("goes down by the stored SQL when the migration's file is gone, and refuses SQL that was changed", async () => {
    const smokeSql =
      "SELECT 1 / (1 - count(*)) FROM information_schema.columns WHERE column_name = 'colour'";
    sample.release("v1.2.0", { smokeSql });
    await deploy("v1.2.0");
    sample.release("v1.3.0", { migrations: { "0002_colour.sql": COLOUR }, smokeSql });
    expect((await deploy("v1.3.0")).state).toBe("done");
    await destroyTree(releaseTree(sample.stateDir, "v1.3.0"));

    await sample.database?.pool.query(
      "UPDATE fiber_migrations SET down_sql = 'DROP TABLE things' WHERE revision = '0002'",
    );
    await expect(planRollbackOf(sample.world, { ...BACK, to: "v1.2.0" })).rejects.toMatchObject({
      code: "MIGRATION_TAMPERED",
    });
    await sample.database?.pool.query(
      "UPDATE fiber_migrations SET down_sql = $1 WHERE revision = '0002'",
      ["ALTER TABLE things DROP COLUMN colour;"],
    );
    const plan = await planRollbackOf(sample.world, { ...BACK, to: "v1.2.0" });
    expect(plan.level).toBe("schema");
    expect((await runRelease(sample.world, plan)).state).toBe("done");
    expect(await sample.health()).toMatchObject({ version: "v1.2.0" });
    expect(await sample.things()).toEqual(["one"]);
  });

  it("stops when its own verification fails, keeps what it did, and goes on when the cause is mended", async () => {
    await deploy("v1.3.0");
    const plan = await planRollbackOf(sample.world, { ...BACK, to: "v1.2.0" });
    let isSwitched = false;
    const unreachable = {
      ...sample.world,
      driver: {
        ...sample.world.driver,
        async switchTo(...args: Parameters<typeof sample.world.driver.switchTo>) {
          const done = await sample.world.driver.switchTo(...args);
          isSwitched = true;
          return done;
        },
      },
      // Asked for by the verification, before its first look: the release stops answering right there.
      async token() {
        if (isSwitched) await sample.stopHost();
        return await sample.world.token();
      },
    };
    await expect(runRelease(unreachable, plan)).rejects.toMatchObject({ code: "VERIFY_FAILED" });
    await sample.startHost();
    expect((await resumeRelease(sample.world)).state).toBe("done");
    expect(await sample.health()).toMatchObject({ version: "v1.2.0" });
  });

  it("a deploy that does not know the database's schema is refused, and names the way back", async () => {
    await deploy("v1.3.0");
    await expect(planDeployOf(sample.world, { tag: "v1.0.0", ...DEPLOY })).rejects.toMatchObject({
      code: "SCHEMA_AHEAD",
      message: expect.stringContaining("rollback"),
    });
  });

  it("a state folder that was lost is rebuilt from tags and backups, and deploys go on", async () => {
    const { world, stateDir } = sample;
    await sample.stopHost();
    rmSync(join(stateDir, "runs"), { recursive: true });
    await destroyTree(join(stateDir, "releases"));
    rmSync(join(stateDir, "current"), { force: true });
    await sample.startHost();
    await expect(planRollbackOf(world, BACK)).rejects.toMatchObject({
      code: "NOTHING_TO_GO_BACK_TO",
    });
    await importReleases({
      git: world.git,
      store: world.store,
      stateDir,
      from: null,
      dryRun: false,
    });
    expect((await deploy("v1.3.0")).state).toBe("done");
    const plan = await planRollbackOf(world, { ...BACK, to: "v1.2.0" });
    expect((await runRelease(world, plan)).state).toBe("done");
    expect(await sample.health()).toMatchObject({ version: "v1.2.0" });
    expect(await sample.things()).toEqual(["one"]);
  });
});
