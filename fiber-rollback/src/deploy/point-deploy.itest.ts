import { afterAll, beforeAll, expect, it } from "vitest";
import { createBase } from "../wal/create-base.js";
import { type ArchivingServer, startArchivingServer } from "../wal/wal.itest-kit.js";
import { planDeployOf, planRollbackOf, runRelease } from "./run-releases.js";
import {
  createSampleWorld,
  FIRST_MIGRATION,
  migration,
  type SampleWorld,
} from "./sample-world.itest-kit.js";

const DEPLOY = { skipGates: null, allowUnsigned: null, allowLoss: false, reason: null };

let at: ArchivingServer;
let sample: SampleWorld;
beforeAll(async () => {
  at = await startArchivingServer();
  await at.pool.query("CREATE DATABASE sample");
  sample = await createSampleWorld({
    on: { url: at.server.url("sample"), stateDir: at.stateDir },
  });
  sample.release("v1.0.0", { migrations: { "0001_first.sql": FIRST_MIGRATION } });
  expect((await deploy("v1.0.0")).state).toBe("done");
  await sample.database?.pool.query("INSERT INTO things VALUES ('one'), ('two')");
  await createBase(at.ports);
}, 240_000);
afterAll(async () => {
  await sample.remove();
  await at.remove();
});

async function deploy(tag: string) {
  return await runRelease(sample.world, await planDeployOf(sample.world, { tag, ...DEPLOY }));
}

it("goes back to a point of the WAL archive, where there is one", async () => {
  // Written after the base backup: only the WAL has it.
  await sample.database?.pool.query("INSERT INTO things VALUES ('three')");
  const bad = migration("UPDATE things SET name = 'lost' WHERE name = 'three';", "SELECT 1;");
  sample.release("v1.1.0", { migrations: { "0002_bad.sql": bad } });
  const run = await deploy("v1.1.0");
  const point = run.steps.find((step) => step.id === "restore-point");
  expect(point?.detail?.source).toMatchObject({ kind: "point" });
  expect(run).toMatchObject({ state: "taken-back", failure: { code: "DATA_DESTROYED" } });
  expect(run.takenBackBy?.steps.map((step) => step.id)).toContain("recover");
  expect(await sample.things()).toEqual(["one", "three", "two"]);
  expect(await sample.health()).toMatchObject({ version: "v1.0.0" });
}, 240_000);

it("restores the data of a release that was left, with what came since", async () => {
  const colour = migration(
    "ALTER TABLE things ADD COLUMN colour text;",
    "ALTER TABLE things DROP COLUMN colour;",
  );
  sample.release("v1.2.0", {
    migrations: { "0002_bad.sql": null, "0002_colour.sql": colour },
  });
  expect((await deploy("v1.2.0")).state).toBe("done");
  await sample.database?.pool.query("INSERT INTO things VALUES ('four', 'red')");
  await sample.database?.pool.query("DELETE FROM things WHERE name = 'two'");
  const plan = await planRollbackOf(sample.world, {
    ...{ to: null, restoreData: true, allowLoss: false, reason: null },
  });
  expect(plan.steps.map((step) => step.id)).toContain("recover");
  const run = await runRelease(sample.world, plan);
  expect(run.state).toBe("done");
  expect(await sample.things()).toEqual(["four", "one", "three", "two"]);
  const record = run.steps.find((step) => step.id === "record");
  expect(record?.detail?.restored).toMatchObject({ exported: { "things.colour": 1 } });
}, 240_000);
