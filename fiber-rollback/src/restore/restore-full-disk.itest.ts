import { rmSync, statfsSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  createPool,
  type DbPool,
  listDatabases,
  startEmbeddedPostgres,
  upgrade,
  withSession,
} from "#db";
import { mustRun } from "#runtime";
import {
  canHaveSmallDisk,
  type ScratchPostgres,
  type SmallDisk,
  smallDisk,
  startScratchPostgres,
} from "#testkit";
import { createBackup } from "../backup/create-backup.js";
import { fill, testPorts } from "../data.itest-kit.js";
import type { DataPorts } from "../ports.js";
import { missingFrom, NAMED_SAMPLES } from "./restore.itest-kit.js";
import { prepareRestore, resumeRestore, startRestore } from "./restore.js";

describe.runIf(await canHaveSmallDisk())("a disk that gets full", () => {
  // Not synced, for speed: what is tested is room.
  const settings = { fsync: "off" };
  let disk: SmallDisk;
  let server: ScratchPostgres;
  let pool: DbPool;
  let ports: DataPorts;
  let dump: string;
  let before: readonly string[];
  beforeEach(async () => {
    disk = await smallDisk(100 << 20);
    server = await startScratchPostgres({ settings });
    await moveDataTo(disk.folder);
    const url = server.url("fiberstack");
    ports = testPorts(url, server.stateDir);
    await upgrade({ connectionString: url });
    pool = createPool({ connectionString: url, applicationName: "t", onError() {} });
    await fill(pool, 60_000);
    dump = (await createBackup(ports, { tag: "good" })).path;
    before = await rows();
  }, 120_000);
  afterEach(async () => {
    await pool.end();
    await server.stop();
    await server.remove();
    await disk.remove();
  });

  /** Takes the server's databases to the small disk; its WAL stays where it is. */
  async function moveDataTo(folder: string): Promise<void> {
    const base = join(server.stateDir, "postgres", "data", "base");
    const { stateDir, port } = server;
    await server.stop();
    await mustRun(["cp", "-a", base, folder]);
    rmSync(base, { recursive: true });
    symlinkSync(join(folder, "base"), base);
    const { log } = testPorts("postgres://x/x", stateDir);
    server = { ...server, ...(await startEmbeddedPostgres({ stateDir, port, log, settings })) };
  }
  const databases = async () =>
    (await withSession(ports.admin, (s) => listDatabases(s, ports.database))).map((d) => d.name);
  const rows = async () => (await pool.query(NAMED_SAMPLES)).rows.map((row) => JSON.stringify(row));
  /** Of all samples, without the room that sorting them takes. */
  const figures = async () =>
    (
      await pool.query(
        "SELECT count(*)::int AS n, sum(hash_record_extended(s, 0)) AS hash FROM samples s",
      )
    ).rows[0];

  it.each([
    ["beside", 8 << 20],
    ["carry", 1 << 20],
  ])(
    "during %s ends the restore with what to do; the live database goes on",
    async (at, leave) => {
      await pool.query("UPDATE samples SET latency_ms = 1 WHERE series_id = 1");
      // Later samples, so that carrying over needs room as well.
      await pool.query(`
      INSERT INTO samples (series_id, time, latency_ms, uptime_pct, packet_loss)
      SELECT 2, now() + n * interval '1 ms', 2, 100, 0 FROM generate_series(1, 20000) n`);
      const later = await figures();
      const filler = join(disk.folder, "filler");
      const plan = await prepareRestore(ports, { from: { kind: "dump", path: dump } });
      const restore = startRestore(ports, plan, ({ step, event }) => {
        if (step === at && event === "intent") fillUp(filler, leave);
      });
      await expect(restore).rejects.toMatchObject({
        code: "DISK_FULL",
        message: expect.stringMatching(/Free space/),
      });
      expect(server.isAlive()).toBe(true);
      expect(await figures()).toEqual(later);
      await pool.query(
        "INSERT INTO samples (series_id, time, uptime_pct, packet_loss) VALUES (3, now(), 100, 0)",
      );
      expect(await databases()).toEqual(
        at === "beside" ? [ports.database] : [ports.database, plan.restored],
      );
      rmSync(filler);
      await resumeRestore(ports);
      const after = await rows();
      expect(missingFrom(after, before)).toEqual([]);
      expect(after).toHaveLength(before.length + 20_001);
    },
    180_000,
  );
});

/** Leaves so many bytes free. */
function fillUp(file: string, leave: number): void {
  const { bavail, bsize } = statfsSync(join(file, ".."));
  writeFileSync(file, Buffer.alloc(Math.max(0, bavail * bsize - leave)));
}
