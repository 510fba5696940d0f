import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type DataLock, openSession, takeDataLock } from "#db";
import { createTestDatabase, startScratchPostgres, type TestDatabase } from "#testkit";
import { urlOfDatabase } from "../pg-tools.js";
import { resumeRun, runPlan } from "./run.js";
import type { DataAccess, RunOptions } from "./run-context.js";
import { readJournalLines } from "./run-store.js";
import { type SyntheticRun, syntheticOptions, syntheticPlan } from "./synthetic-run.itest-kit.js";

const ID = "20261122T101500Z-deploy";
let folder: string;
let run: SyntheticRun;
let database: TestDatabase;
let data: DataAccess;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "fiber-run-data-"));
  run = { stateDir: join(folder, "state"), world: join(folder, "world") };
  database = await createTestDatabase();
  data = accessOf(database.url);
});
afterEach(async () => {
  await database.drop();
  rmSync(folder, { recursive: true, force: true });
});

const accessOf = (url: string): DataAccess => ({
  admin: urlOfDatabase(url, "postgres"),
  database: new URL(url).pathname.slice(1),
});

/** Options whose steps fence, migrate and switch touch data; `during` is called in each step. */
function withData(
  during: (step: string) => Promise<void>,
  access: DataAccess = data,
  change: Partial<SyntheticRun> = {},
): RunOptions {
  const base = syntheticOptions({ ...run, ...change });
  const lockOf: Readonly<Record<string, "locked" | "locks-itself">> = {
    fence: "locked",
    migrate: "locks-itself",
    switch: "locked",
  };
  return {
    ...base,
    ports: { ...base.ports, data: access },
    steps: (context) =>
      base.steps(context).map((step) => {
        const lock = lockOf[step.id];
        return {
          ...step,
          ...(lock === undefined ? {} : { data: lock }),
          async run() {
            await during(step.id);
            return await step.run();
          },
        };
      }),
  };
}

/** Whether somebody holds the database's lock: then nobody else gets it. */
async function isLocked(access: DataAccess): Promise<boolean> {
  const session = await openSession(access.admin, "test");
  try {
    const { rows } = await session.query(
      `SELECT FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2 AND granted
          AND objid = hashtext($1)::bigint::bit(32)::bigint::oid`,
      [access.database],
    );
    return rows.length > 0;
  } finally {
    await session.close();
  }
}

describe("a run that touches data", () => {
  it("holds the database's lock from its first such step on, but for those that lock themselves", async () => {
    const seen: Record<string, boolean> = {};
    const options = withData(async (step) => {
      seen[step] = await isLocked(data);
    });
    expect((await runPlan(syntheticPlan(ID), options)).state).toBe("done");
    expect(seen).toEqual({
      preflight: false,
      backup: false,
      fence: true,
      migrate: false,
      switch: true,
      lift: true,
      verify: true,
    });
    expect(await isLocked(data)).toBe(false);
    const [begin] = await readJournalLines(run.stateDir, ID);
    expect(begin).toMatchObject({
      detail: {
        database: {
          name: data.database,
          systemIdentifier: expect.stringMatching(/^\d{15,}$/),
          oid: expect.any(Number),
        },
      },
    });
  });

  it("changes nothing while somebody else works on the database, and names them", async () => {
    let other: DataLock | null = await takeDataLock(data.admin, data.database);
    try {
      const running = runPlan(
        syntheticPlan(ID),
        withData(async () => {}),
      );
      await expect(running).rejects.toMatchObject({
        code: "LOCKED",
        message: expect.stringMatching(/is being changed by session \d+/),
      });
      await other.release();
      other = null;
      expect((await resumeRun(withData(async () => {}))).state).toBe("done");
    } finally {
      await other?.release();
    }
  });

  it("is refused on another server than it began on", async () => {
    const failing = withData(async () => {}, data, { failAt: "switch" });
    await expect(runPlan(syntheticPlan(ID), failing)).rejects.toMatchObject({
      code: "STEP_FAILED",
    });
    const scratch = await startScratchPostgres();
    try {
      const elsewhere = accessOf(scratch.url("fiberstack"));
      await expect(resumeRun(withData(async () => {}, elsewhere))).rejects.toMatchObject({
        code: "RUN_DATABASE_DIFFERS",
      });
    } finally {
      await scratch.remove();
    }
  });

  it("takes its lock again when its session was ended, as by a restart of the server", async () => {
    const seen: string[] = [];
    const options = withData(async (step) => {
      if (step === "switch" || step === "fence") {
        seen.push(`${step} ${await isLocked(data)}`);
        await endLockSession(data);
      }
      if (step === "lift") seen.push(`lift ${await isLocked(data)}`);
    });
    const all: RunOptions = {
      ...options,
      steps: (context) =>
        options
          .steps(context)
          .map((step) => (step.id === "lift" ? { ...step, data: "locked" as const } : step)),
    };
    expect((await runPlan(syntheticPlan(ID), all)).state).toBe("done");
    expect(seen).toEqual(["fence true", "switch true", "lift true"]);
  });
});

it("a run begins although the database is down: that may be why", async () => {
  const dead = { admin: "postgres://postgres@127.0.0.1:1/postgres", database: "fiberstack" };
  const base = syntheticOptions(run);
  const record = await runPlan(syntheticPlan(ID), {
    ...base,
    ports: { ...base.ports, data: dead },
  });
  expect(record.state).toBe("done");
  const [begin] = await readJournalLines(run.stateDir, ID);
  expect(begin).toMatchObject({
    detail: { database: { systemIdentifier: null, unreachable: expect.stringContaining("1") } },
  });
});

async function endLockSession(access: DataAccess): Promise<void> {
  const session = await openSession(access.admin, "test");
  try {
    await session.query(
      `SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2
          AND objid = hashtext($1)::bigint::bit(32)::bigint::oid`,
      [access.database],
    );
  } finally {
    await session.close();
  }
}
