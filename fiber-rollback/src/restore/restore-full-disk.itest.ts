import { rmSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  createPool,
  type DbPool,
  type EmbeddedPostgres,
  listDatabases,
  startEmbeddedPostgres,
  upgrade,
  withSession,
} from "#db";
import { canHaveSmallDisk, freePort, type SmallDisk, smallDisk } from "#testkit";
import { createBackup } from "../backup/create-backup.js";
import { fill, testPorts } from "../data.itest-kit.js";
import type { DataPorts } from "../ports.js";
import { missingFrom, NAMED_SAMPLES } from "./restore.itest-kit.js";
import { prepareRestore, resumeRestore, startRestore } from "./restore.js";

describe.runIf(await canHaveSmallDisk())("a disk that gets full", () => {
  let disk: SmallDisk;
  let server: EmbeddedPostgres;
  let pool: DbPool;
  let ports: DataPorts;
  let dump: string;
  let before: readonly string[];
  beforeEach(async () => {
    disk = await smallDisk(400 << 20);
    server = await startEmbeddedPostgres({
      stateDir: disk.folder,
      port: await freePort(),
      log: testPorts("postgres://x/x", disk.folder).log,
      settings: { max_wal_size: "64MB", wal_keep_size: "0" },
    });
    const url = server.url("fiberstack");
    ports = testPorts(url, disk.folder);
    await upgrade({ connectionString: url });
    pool = createPool({ connectionString: url, applicationName: "t", onError() {} });
    await fill(pool, 100_000);
    dump = (await createBackup(ports, { tag: "good" })).path;
    before = await rows();
  }, 120_000);
  afterEach(async () => {
    await pool.end();
    await server.stop();
    await disk.remove();
  });

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
    ["carry", 2 << 20],
  ])(
    "during %s ends the restore with what to do; the live database goes on",
    async (at, leave) => {
      await pool.query("UPDATE samples SET latency_ms = 1 WHERE series_id = 1");
      // Later samples, so that carrying over needs room as well.
      await pool.query(`
      INSERT INTO samples (series_id, time, latency_ms, uptime_pct, packet_loss)
      SELECT 2, now() + n * interval '1 ms', 2, 100, 0 FROM generate_series(1, 60000) n`);
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
      expect(after).toHaveLength(before.length + 60_001);
    },
    180_000,
  );
});

/** Leaves so many bytes free. */
function fillUp(file: string, leave: number): void {
  const { bavail, bsize } = statfsSync(join(file, ".."));
  writeFileSync(file, Buffer.alloc(Math.max(0, bavail * bsize - leave)));
}
