import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RunRecord } from "../engine/run-record.js";
import { planDeployOf, planRollbackOf, planUndoOf, runRelease } from "./run-releases.js";
import {
  createSampleWorld,
  FIRST_MIGRATION,
  migration,
  SAMPLE_DRIVERS,
  type SampleWorld,
} from "./sample-world.itest-kit.js";

const DEPLOY = { skipGates: null, allowUnsigned: null, allowLoss: false, reason: null };
const BACK = { to: null, restoreData: false, allowLoss: false, reason: null };

let sample: SampleWorld;
/** Every thing that was answered with 202, in order. */
const kept: string[] = [];
async function deploy(tag: string, more: { allowLoss?: boolean } = {}): Promise<RunRecord> {
  const plan = await planDeployOf(sample.world, { tag, ...DEPLOY, ...more });
  return await runRelease(sample.world, plan);
}

async function keep(...names: readonly string[]): Promise<void> {
  for (const name of names) {
    const answer = await fetch(`${sample.app.url}/things`, { method: "POST", body: name });
    expect(answer.status).toBe(202);
    kept.push(name);
  }
}

const head = async () =>
  (
    await sample.database?.pool.query<{ revision: string }>(
      "SELECT max(revision) AS revision FROM fiber_migrations",
    )
  )?.rows[0]?.revision;

/** The release runs, on this schema, and everything that was acknowledged is there. */
async function expectWhole(version: string, revision: string): Promise<void> {
  expect(await sample.health()).toMatchObject({ version });
  expect(await head()).toBe(revision);
  expect(await sample.things()).toEqual([...kept].sort());
  const { rows } = (await sample.database?.pool.query(
    "SELECT 1 FROM ingest_fence WHERE expires_at > now()",
  )) ?? { rows: [] };
  expect(rows).toEqual([]);
}

const TIMES = { timeout: 240_000 };

describe.each(SAMPLE_DRIVERS)("releases of an app with a database, by %s", TIMES, (driver) => {
  beforeAll(async () => {
    kept.length = 0;
    sample = await createSampleWorld({ database: true, driver });
    sample.release("v1.0.0", { migrations: { "0001_first.sql": FIRST_MIGRATION } });
    expect((await deploy("v1.0.0")).state).toBe("done");
    await keep("one", "two", "three");
  }, 180_000);
  afterAll(() => sample.remove(), 60_000);

  it.each([
    [
      "fails half-way",
      "ALTER TABLE things ADD COLUMN colour text; SELECT 1 / 0;",
      "MIGRATION_FAILED",
      "code",
    ],
    ["deletes rows", "DELETE FROM things WHERE name = 'two';", "DATA_DESTROYED", "data"],
    ["changes values", "UPDATE things SET name = upper(name);", "DATA_DESTROYED", "data"],
    ["drops a table", "DROP TABLE things;", "DATA_DESTROYED", "data"],
  ])("takes back a migration that %s", async (what, up, code, level) => {
    const tag = `v1.1.0-${what.replaceAll(/\W/g, "-")}`;
    sample.release(tag, { migrations: { "0002_bad.sql": migration(up, "SELECT 1;") } });
    const run = await deploy(tag);
    expect(run.failure).toMatchObject({ step: "migrate", code });
    expect(run.state).toBe("taken-back");
    expect(run.takenBackBy?.plan).toMatchObject({ level, to: "v1.0.0" });
    await expectWhole("v1.0.0", "0001");
    expect(await sample.world.store.read(tag)).toMatchObject({ status: "bad" });
    expect(await sample.world.store.read("v1.0.0")).toMatchObject({ status: "good" });
    await keep(`after ${what}`);
  });

  it("takes code and schema back when the new release is broken", async () => {
    const up = "ALTER TABLE things ADD COLUMN colour text;";
    const down = "ALTER TABLE things DROP COLUMN colour;";
    sample.release("v1.2.0", {
      breakage: "answers-500",
      migrations: { "0002_bad.sql": migration(up, down, "lossy: colours are new") },
    });
    const run = await deploy("v1.2.0");
    expect(run.failure?.step).toBe("verify");
    expect(run.takenBackBy?.plan.level).toBe("schema");
    await expectWhole("v1.0.0", "0001");
  });

  it("goes down only where nothing is lost, or with consent; and up again by undo", async () => {
    const up = "ALTER TABLE things ADD COLUMN colour text;";
    const down = "ALTER TABLE things DROP COLUMN colour;";
    const smokeSql =
      "DO $$ BEGIN IF (SELECT count(*) FROM information_schema.columns WHERE column_name = 'colour') = 0 THEN RAISE 'no colour'; END IF; END $$";
    sample.release("v1.3.0", {
      migrations: {
        "0002_bad.sql": null,
        "0002_colour.sql": migration(up, down, "lossy: colours"),
      },
      smokeSql,
    });
    // The release before has a smoke test that passes on any schema, so code alone goes back.
    expect((await deploy("v1.3.0")).state).toBe("done");
    const proven = await sample.world.store.read("v1.0.0");
    expect(proven?.compatibleWith).toMatchObject([{ head: "0002" }]);
    expect(await planRollbackOf(sample.world, BACK)).toMatchObject({ level: "code", to: "v1.0.0" });

    if (proven === null) throw new Error("no record");
    await sample.world.store.write({ ...proven, compatibleWith: [] });
    await sample.database?.pool.query("UPDATE things SET colour = 'red' WHERE name = 'one'");
    await expect(planRollbackOf(sample.world, BACK)).rejects.toMatchObject({
      code: "LOSS_REFUSED",
      message: expect.stringContaining("1 rows of things.colour"),
    });
    const plan = await planRollbackOf(sample.world, { ...BACK, allowLoss: true });
    expect(plan).toMatchObject({ level: "schema", pointOfNoReturn: "downgrade" });
    expect(plan.loss.tables).toMatchObject([{ table: "things.colour", rows: 1, fate: "lost" }]);
    expect((await runRelease(sample.world, plan)).state).toBe("done");
    await expectWhole("v1.0.0", "0001");

    const undo = await planUndoOf(sample.world, { reason: null });
    expect(undo).toMatchObject({ level: "schema", to: "v1.3.0" });
    expect(undo.loss.statement).toMatch(/1 of things.colour/);
    expect((await runRelease(sample.world, undo)).state).toBe("done");
    await expectWhole("v1.3.0", "0002");
  });

  it("brings data back with what came since, and undoes that", async () => {
    await keep("under v1.3.0");
    await sample.database?.pool.query("DELETE FROM things WHERE name = 'three'");
    const plan = await planRollbackOf(sample.world, { ...BACK, to: "v1.0.0", restoreData: true });
    expect(plan).toMatchObject({ level: "data", pointOfNoReturn: "swap" });
    const run = await runRelease(sample.world, plan);
    expect(run.state).toBe("done");
    await expectWhole("v1.0.0", "0001");
    await keep("after the rollback");

    const undo = await planUndoOf(sample.world, { reason: null });
    expect(undo).toMatchObject({ level: "data", to: "v1.3.0" });
    expect((await runRelease(sample.world, undo)).state).toBe("done");
    expect(await sample.health()).toMatchObject({ version: "v1.3.0" });
    expect(await sample.things()).toEqual([...kept].sort());
  });
});
