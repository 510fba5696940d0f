import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { currentRevision, downgrade, startEmbeddedPostgres, upgrade } from "#db";
import { createBase } from "../wal/create-base.js";
import { createRestorePoint } from "../wal/restore-points.js";
import { type ArchivingServer, startArchivingServer } from "../wal/wal.itest-kit.js";
import { prepareWalArchive } from "../wal/wal-folder.js";
import { runAndKill } from "./kill-restore.itest-kit.js";
import { missingFrom, NAMED_SAMPLES } from "./restore.itest-kit.js";
import { findUnfinished, prepareRestore, resumeRestore, startRestore } from "./restore.js";

let at: ArchivingServer;
let before: readonly string[];
beforeEach(async () => {
  at = await startArchivingServer();
  await createBase(at.ports);
  const connectionString = at.server.url("fiberstack");
  // The point lies in an older schema, so that the restore has an upgrade to do as well.
  await downgrade({ connectionString, target: "-1" });
  before = await samples();
  await createRestorePoint(at.ports, "good");
  await upgrade({ connectionString });
  await at.pool.query(`
    UPDATE samples SET latency_ms = 1;
    INSERT INTO samples (series_id, time, latency_ms, uptime_pct, packet_loss)
    SELECT 1, now() + n * interval '1 ms', n, 100, 0 FROM generate_series(1, 50) n`);
}, 120_000);
afterEach(() => at.remove());

const samples = async () =>
  (await at.pool.query(NAMED_SAMPLES)).rows.map((row) => JSON.stringify(row));
const scratch = () => join(at.stateDir, "postgres/scratch");
const scratchFolders = () => (existsSync(scratch()) ? readdirSync(scratch()) : []);
const prepare = () =>
  prepareRestore(at.ports, { from: { kind: "recovery", point: "good" }, thenUpgrade: true });

async function expectRestored() {
  const after = await samples();
  expect(missingFrom(after, before)).toEqual([]);
  expect(after).toHaveLength(before.length + 50);
  expect(await findUnfinished(at.stateDir)).toBeNull();
  expect(scratchFolders()).toEqual([]);
  const connectionString = at.server.url("fiberstack");
  expect((await currentRevision({ connectionString })).isHead).toBe(true);
}

/** The process of the scratch server, once it runs. */
async function scratchPid(): Promise<number> {
  for (;;) {
    for (const name of scratchFolders()) {
      const file = join(scratch(), name, "data/postmaster.pid");
      const pid = existsSync(file) ? Number.parseInt(readFileSync(file, "utf8"), 10) : 0;
      if (pid > 0) return pid;
    }
    await sleep(5);
  }
}

describe("a recovery whose process group is killed", () => {
  it("ends the same when it is killed before, in and after its steps and resumed", async () => {
    const { stateDir } = at;
    const url = at.server.url("fiberstack");
    let what = "point:good";
    for (const [killAt, afterMs] of [
      ["intent:recover", undefined],
      ["intent:recover", 400],
      ["done:recover", undefined],
      ["intent:upgrade", undefined],
      ["done:upgrade", undefined],
    ] as const) {
      const work = { url, stateDir, what, killAt };
      const { signal } = await runAndKill(afterMs === undefined ? work : { ...work, afterMs });
      // A machine faster than the delay has finished by itself.
      if (afterMs === undefined) expect({ killAt, signal }).toEqual({ killAt, signal: "SIGKILL" });
      expect(await at.pool.query("SELECT FROM samples LIMIT 1")).toMatchObject({ rowCount: 1 });
      what = "resume";
    }
    await resumeRestore(at.ports);
    await expectRestored();
  }, 300_000);
});

describe("a recovery whose scratch server is killed", () => {
  it("fails, leaves nothing of it, and is done again when resumed", async () => {
    const plan = await prepare();
    const killing = scratchPid().then((pid) => process.kill(pid, "SIGQUIT"));
    await expect(startRestore(at.ports, plan)).rejects.toThrow();
    await killing;
    expect(scratchFolders()).toEqual([]);
    expect(await samples()).toHaveLength(before.length + 50);
    await resumeRestore(at.ports);
    await expectRestored();
  }, 180_000);
});

describe("a recovery during which the living server is killed", () => {
  it("goes on once the server runs again and it is resumed", async () => {
    const { log } = at.ports;
    const plan = await prepare();
    const killing = scratchPid().then(() => process.kill(at.server.pid, "SIGQUIT"));
    await expect(startRestore(at.ports, plan)).rejects.toThrow();
    await killing;
    const { stateDir, port } = at.server;
    const settings = await prepareWalArchive(at.stateDir, log);
    const again = await startEmbeddedPostgres({ stateDir, port, log, settings });
    try {
      await resumeRestore(at.ports);
      await expectRestored();
    } finally {
      await again.stop();
    }
  }, 180_000);
});
