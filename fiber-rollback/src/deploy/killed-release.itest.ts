import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { currentTag } from "../drivers/process/current-release.js";
import {
  bundleScript,
  type KillableRun,
  killEverywhere,
  killInTurn,
  runKilled,
} from "../engine/kill-everywhere.itest-kit.js";
import { readRun } from "../engine/read-run.js";
import { listRunIds, readJournalLines } from "../engine/run-store.js";
import { readMaintenance } from "../maintenance/maintenance.js";
import { planDeployOf, planRollbackOf, planUndoOf, runRelease } from "./run-releases.js";
import {
  createSampleWorld,
  FIRST_MIGRATION,
  migration,
  type SampleWorld,
} from "./sample-world.itest-kit.js";

const DEPLOY = { skipGates: null, allowUnsigned: null, allowLoss: false, reason: null };
const UNDO = { reason: null };
const BACK = { to: null, restoreData: false, allowLoss: false, reason: null };
/** A kill and a resumption take seconds on a busy machine, and there are dozens. */
const LONG_MS = 15 * 60_000;

let script: Awaited<ReturnType<typeof bundleScript>>;
let sample: SampleWorld;
beforeAll(async () => {
  const kit = new URL("./killable-release.itest-kit.ts", import.meta.url);
  script = await bundleScript(fileURLToPath(kit));
  sample = await createSampleWorld({ database: true });
  const up = "ALTER TABLE things ADD COLUMN colour text;";
  const down = "ALTER TABLE things DROP COLUMN colour;";
  // Smoke tests that fail on the newer schema, so that it has to be taken back.
  const smokeSql =
    "SELECT 1 / (1 - count(*)) FROM information_schema.columns WHERE column_name = 'colour'";
  sample.release("v1.0.0", { migrations: { "0001_first.sql": FIRST_MIGRATION }, smokeSql });
  sample.release("v1.0.1", { smokeSql });
  sample.release("v1.1.0", { migrations: { "0002_colour.sql": migration(up, down) } });
  sample.release("v1.1.1", {
    migrations: {
      "0002_colour.sql": null,
      "0002_bad.sql": migration("DELETE FROM things WHERE name = 'two';", "SELECT 1;"),
    },
  });
  await deploy("v1.0.0");
  for (const name of ["one", "two", "three"]) await post(name);
  await sample.keep("first");
}, 300_000);
beforeEach(() => sample.bringBack("first"));
afterAll(async () => {
  script.remove();
  await sample.remove();
});

async function deploy(tag: string): Promise<void> {
  const run = await runRelease(sample.world, await planDeployOf(sample.world, { tag, ...DEPLOY }));
  expect(run.state).toBe("done");
}

async function rollBack(request: typeof BACK): Promise<void> {
  const run = await runRelease(sample.world, await planRollbackOf(sample.world, request));
  expect(run.state).toBe("done");
}

async function post(name: string): Promise<void> {
  const answer = await fetch(`${sample.app.url}/things`, { method: "POST", body: name });
  expect(answer.status).toBe(202);
}

/** Runs that begin in the world as it is now, each in a copy of it. */
async function killable(what: string, request: object): Promise<() => Promise<KillableRun>> {
  const { stateDir } = sample;
  await sample.keep("before");
  const about = JSON.stringify({
    ...{ stateDir, repository: sample.app.repository.folder, databaseUrl: sample.database?.url },
  });
  const command = (verb: string, line: number | null) =>
    runKilled(script.path, [about, verb, JSON.stringify(request)], line);
  return async () => {
    await sample.bringBack("before");
    const before = new Set(await listRunIds(stateDir));
    const id = async () => (await listRunIds(stateDir)).find((one) => !before.has(one)) ?? "";
    return {
      begin: (line) => command(what, line),
      resume: (line) => command("resume", line),
      lines: async () => (await readJournalLines(stateDir, await id())).length,
      state: async () => finalState(await id()),
      remove: async () => undefined,
    };
  };
}

/** What must be the same however often a run was killed. */
async function finalState(id: string): Promise<unknown> {
  const run = await readRun(sample.stateDir, id);
  const steps = (of: typeof run.steps) => of.map((step) => [step.id, step.state]);
  const records = await sample.world.store.list();
  const { rows: columns } = (await sample.database?.pool.query(
    "SELECT column_name FROM information_schema.columns WHERE table_name = 'things' ORDER BY 1",
  )) ?? { rows: [] };
  return {
    state: run.state,
    steps: steps(run.takenBackBy?.steps ?? run.steps),
    current: await currentTag(sample.stateDir),
    answers: (await sample.health())?.version,
    statuses: records.map(({ tag, status }) => [tag, status]).sort(),
    things: await sample.things(),
    columns,
    fences: await sample.standingFences(),
    databases: await sample.databases(),
    open: (await readMaintenance(sample.stateDir)).filter((one) => one.closedMs === null),
    plan: JSON.parse(readFileSync(`${sample.stateDir}/runs/${id}/plan.json`, "utf8")).level,
  };
}

describe("releases that are killed after every journal line, and resumed", () => {
  it(
    "a deploy ends as an undisturbed one, after whichever line it was killed",
    async () => {
      const make = await killable("deploy", { tag: "v1.0.1", ...DEPLOY });
      expect(await killEverywhere(make)).toBeGreaterThan(15);
    },
    LONG_MS,
  );

  it(
    "a deploy with a migration ends as an undisturbed one, killed again and again",
    async () => {
      await killInTurn(await killable("deploy", { tag: "v1.1.0", ...DEPLOY }));
    },
    LONG_MS,
  );

  it(
    "a deploy whose migration destroys data is taken back as an undisturbed one",
    async () => {
      await killInTurn(await killable("deploy", { tag: "v1.1.1", ...DEPLOY }));
    },
    LONG_MS,
  );

  it(
    "a rollback of the code ends as an undisturbed one",
    async () => {
      await deploy("v1.0.1");
      expect((await planRollbackOf(sample.world, BACK)).level).toBe("code");
      await killInTurn(await killable("rollback", BACK));
    },
    LONG_MS,
  );

  it(
    "a rollback of the schema ends as an undisturbed one",
    async () => {
      await deploy("v1.1.0");
      expect((await planRollbackOf(sample.world, BACK)).level).toBe("schema");
      await killInTurn(await killable("rollback", BACK));
    },
    LONG_MS,
  );

  it(
    "a rollback of the data ends as an undisturbed one",
    async () => {
      await deploy("v1.1.0");
      await post("under v1.1.0");
      const request = { ...BACK, restoreData: true };
      expect((await planRollbackOf(sample.world, request)).level).toBe("data");
      await killInTurn(await killable("rollback", request));
    },
    LONG_MS,
  );

  it(
    "an undo of the code ends as an undisturbed one",
    async () => {
      await deploy("v1.0.1");
      await rollBack(BACK);
      expect((await planUndoOf(sample.world, UNDO)).level).toBe("code");
      await killInTurn(await killable("undo", UNDO));
    },
    LONG_MS,
  );

  it(
    "an undo of the schema ends as an undisturbed one",
    async () => {
      await deploy("v1.1.0");
      await rollBack(BACK);
      expect((await planUndoOf(sample.world, UNDO)).level).toBe("schema");
      await killInTurn(await killable("undo", UNDO));
    },
    LONG_MS,
  );

  it(
    "an undo of the data brings the quarantine back with what came since, as an undisturbed one",
    async () => {
      await deploy("v1.1.0");
      await post("under v1.1.0");
      await rollBack({ ...BACK, restoreData: true });
      await post("after the rollback");
      expect((await planUndoOf(sample.world, UNDO)).level).toBe("data");
      await killInTurn(await killable("undo", UNDO));
      expect(await sample.health()).toMatchObject({ version: "v1.1.0" });
      expect(await sample.things()).toEqual([
        ...["after the rollback", "one", "three", "two", "under v1.1.0"],
      ]);
    },
    LONG_MS,
  );
});
