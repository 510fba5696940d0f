import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  createPool,
  currentRevision,
  downgrade,
  findDatabase,
  openSession,
  readHold,
  type Session,
  schemaFit,
  startEmbeddedPostgres,
  upgrade,
} from "#db";
import { startScratchPostgres } from "#testkit";
import { createBackup } from "../backup/create-backup.js";
import { fill, testPorts } from "../data.itest-kit.js";
import { urlOfDatabase } from "../pg-tools.js";
import { planInPlace, restoreInPlace } from "./in-place.js";
import {
  createTestRestore,
  missingFrom,
  NAMED_SAMPLES,
  type TestRestore,
} from "./restore.itest-kit.js";
import {
  abortRestore,
  findUnfinished,
  prepareRestore,
  resumeRestore,
  startRestore,
} from "./restore.js";

let data: TestRestore;
let before: readonly string[];
const sessions: Session[] = [];
beforeEach(async () => {
  data = await createTestRestore(600);
  before = await data.rows(NAMED_SAMPLES);
});
afterEach(async () => {
  for (const session of sessions.splice(0)) await session.close();
  await data.remove();
});

async function openInside(): Promise<Session> {
  const session = await openSession(data.database.url, "somebody");
  sessions.push(session);
  return session;
}

const fromDump = () => ({ from: { kind: "dump" as const, path: data.dump } });

async function restore(more: { thenUpgrade?: boolean; leaveSuspect?: boolean } = {}) {
  const plan = await prepareRestore(data.ports, { ...fromDump(), ...more });
  return await startRestore(data.ports, plan);
}

async function expectSwapped() {
  expect(missingFrom(await data.rows(NAMED_SAMPLES), before)).toEqual([]);
  expect(await findUnfinished(data.stateDir)).toBeNull();
}

describe("a busy database", () => {
  it("is swapped under readers, a superuser and a forgotten transaction that wrote", async () => {
    const reader = await openInside();
    await reader.query("BEGIN ISOLATION LEVEL REPEATABLE READ");
    await reader.query("SELECT count(*) FROM samples");
    const writer = await openInside();
    await writer.query("BEGIN");
    await writer.query("UPDATE nodes SET region = 'never committed'");
    const report = await restore();
    await expectSwapped();
    expect(report.endedSessions.join()).toContain(`${writer.pid} (somebody`);
    expect(writer.isOpen()).toBe(false);
    expect(await data.rows("SELECT FROM nodes WHERE region = 'never committed'")).toEqual([]);
  });

  it("with a prepared transaction is refused, which is named, and nothing is begun", async () => {
    const scratch = await startScratchPostgres({ settings: { max_prepared_transactions: "2" } });
    try {
      const url = scratch.url("fiberstack");
      const ports = testPorts(url, scratch.stateDir);
      await upgrade({ connectionString: url });
      const pool = createPool({ connectionString: url, applicationName: "t", onError() {} });
      await fill(pool, 50);
      await pool.end();
      const { path } = await createBackup(ports, { tag: "good" });
      const session = await openSession(url);
      await session.query("BEGIN");
      await session.query("UPDATE nodes SET region = 'x'");
      await session.query("PREPARE TRANSACTION 'left over'");
      await session.close();
      const planned = prepareRestore(ports, { from: { kind: "dump", path } });
      await expect(planned).rejects.toMatchObject({
        code: "SWAP_BLOCKED",
        message: expect.stringContaining("'left over'"),
      });
      expect(await findUnfinished(scratch.stateDir)).toBeNull();
    } finally {
      await scratch.remove();
    }
  }, 120_000);
});

describe("what is refused beforehand", () => {
  it("is a user without the rights", async () => {
    const admin = await openSession(data.ports.admin);
    sessions.push(admin);
    const name = `weak_${Date.now()}`;
    await admin.query(`CREATE ROLE ${name} LOGIN PASSWORD 'weak'`);
    try {
      const url = new URL(data.ports.admin);
      url.username = name;
      url.password = "weak";
      const ports = { ...data.ports, admin: url.href };
      await expect(prepareRestore(ports, fromDump())).rejects.toMatchObject({
        code: "RESTORE_NO_RIGHTS",
        message: expect.stringContaining(name),
      });
    } finally {
      await admin.query(`DROP ROLE ${name}`);
    }
  });

  it("is another restore while one is unfinished, which can be taken back", async () => {
    const plan = await prepareRestore(data.ports, fromDump());
    const stop = ({ step, event }: { step: string; event: string }) => {
      if (step === "carry" && event === "done") throw new Error("stopped by the test");
    };
    await expect(startRestore(data.ports, plan, stop)).rejects.toThrow("stopped by the test");
    await expect(prepareRestore(data.ports, fromDump())).rejects.toMatchObject({
      code: "RESTORE_UNFINISHED",
    });
    await abortRestore(data.ports);
    const admin = await openSession(data.ports.admin);
    sessions.push(admin);
    expect(await findDatabase(admin, plan.restored)).toBeNull();
    await restore();
    await expectSwapped();
  });
});

describe("a server that is killed", () => {
  it.each(["beside", "carry", "switch"])(
    "during %s: resumed, it ends the same",
    async (at) => {
      const scratch = await startScratchPostgres();
      const stateDir = scratch.stateDir;
      try {
        const url = scratch.url("fiberstack");
        const ports = testPorts(url, stateDir);
        await upgrade({ connectionString: url });
        const pool = createPool({ connectionString: url, applicationName: "t", onError() {} });
        await fill(pool, 20_000);
        const { path } = await createBackup(ports, { tag: "good" });
        const good = (await pool.query(NAMED_SAMPLES)).rows.map((row) => JSON.stringify(row));
        await pool.query("UPDATE samples SET latency_ms = 1");
        const plan = await prepareRestore(ports, { from: { kind: "dump", path } });
        const kill = ({ step, event }: { step: string; event: string }) => {
          if (step === at && event === "intent") {
            setTimeout(() => process.kill(scratch.pid, "SIGQUIT"), 50);
          }
        };
        await startRestore(ports, plan, kill).then(
          () => "finished before the kill",
          () => "failed",
        );
        await waitUntilGone(scratch.pid);
        const again = await startEmbeddedPostgres({
          stateDir,
          port: scratch.port,
          log: ports.log,
        });
        try {
          if ((await findUnfinished(stateDir)) !== null) await resumeRestore(ports);
          const { rows } = await pool.query(NAMED_SAMPLES);
          expect(
            missingFrom(
              rows.map((row) => JSON.stringify(row)),
              good,
            ),
          ).toEqual([]);
        } finally {
          await pool.end();
          await again.stop();
        }
      } finally {
        await scratch.remove();
      }
    },
    120_000,
  );
});

describe("rows outside the contract's ranges", () => {
  beforeEach(async () => {
    await data.pool.query(`
      INSERT INTO samples (series_id, time, latency_ms, uptime_pct, packet_loss)
      VALUES (1, now() - interval '3 hours', 70000, 100, 0),
             (1, now() - interval '3 hours 1 s', 'NaN', 100, 0),
             (1, now() - interval '3 hours 2 s', 12, 100, 0)`);
  });

  it("are counted apart and carried over", async () => {
    const report = await restore();
    expect(report.tables.find((one) => one.table === "samples")).toMatchObject({
      carried: 3,
      suspect: 2,
      left: 0,
    });
  });

  it("stay in the quarantine when that is asked for", async () => {
    const report = await restore({ leaveSuspect: true });
    expect(report.tables.find((one) => one.table === "samples")).toMatchObject({
      carried: 1,
      suspect: 2,
      left: 2,
      refused: 0,
    });
    expect(report.notCarried).toEqual({ refused: 0, leftSuspect: 2 });
  });
});

describe("an older schema that comes back", () => {
  let dump: string;
  beforeEach(async () => {
    await downgrade({ connectionString: data.database.url, target: "-1" });
    dump = (await createBackup(data.ports, { tag: "older" })).path;
    await upgrade({ connectionString: data.database.url });
  });
  const request = () => ({ from: { kind: "dump" as const, path: dump } });

  it("is held where it is, and said so", async () => {
    const plan = await prepareRestore(data.ports, request());
    expect(plan.warnings.join()).toMatch(/SCHEMA_BEHIND.*--then-upgrade/s);
    await startRestore(data.ports, plan);
    expect((await schemaFit(data.pool)).kind).toBe("behind");
    expect(await readHold(data.pool)).toMatchObject({ reason: `fiber restore ${plan.id}` });
  });

  it("is upgraded before the swap with --then-upgrade", async () => {
    const plan = await prepareRestore(data.ports, { ...request(), thenUpgrade: true });
    await startRestore(data.ports, plan);
    expect((await schemaFit(data.pool)).kind).toBe("fits");
    const connectionString = urlOfDatabase(data.ports.admin, data.ports.database);
    expect((await currentRevision({ connectionString })).isHead).toBe(true);
    await expectSwapped();
  });
});

describe("the runbook's literal command", () => {
  it("counts what it would lose, names its known errors and says what is left", async () => {
    await data.pool.query(`
      INSERT INTO samples (series_id, time, latency_ms, uptime_pct, packet_loss)
      SELECT 1, now() + n * interval '1 ms', 1, 100, 0 FROM generate_series(1, 7) n`);
    const plan = await planInPlace(data.ports, data.dump);
    expect(plan.loses).toBe(true);
    expect(plan.tables.find((one) => one.table === "samples")).toMatchObject({ lost: 7 });
    const result = await restoreInPlace(data.ports, plan);
    expect(result).toMatchObject({ exitCode: 1, otherErrors: [], fit: "fits" });
    expect(result.knownErrors.join("\n")).toContain("cannot drop inherited constraint");
    const { rows } = await data.pool.query("SELECT count(*)::int AS n FROM samples");
    expect(rows[0].n).toBe(plan.tables.find((one) => one.table === "samples")?.dump);
  });
});

async function waitUntilGone(pid: number): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    try {
      process.kill(pid, 0);
    } catch {
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`process ${pid} does not end`);
}
