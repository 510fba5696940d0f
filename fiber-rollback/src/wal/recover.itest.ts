import { mkdirSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { withSession } from "#db";
import { listBases } from "./base-manifest.js";
import { createBase } from "./create-base.js";
import { recoverToScratch } from "./recover-to-scratch.js";
import { createRestorePoint, listRestorePoints } from "./restore-points.js";
import { type ArchivingServer, startArchivingServer } from "./wal.itest-kit.js";
import { archivedSegments, archiveFolder } from "./wal-folder.js";

let at: ArchivingServer;
beforeAll(async () => {
  at = await startArchivingServer();
  await at.pool.query("CREATE TABLE steps (n int, at timestamptz DEFAULT clock_timestamp())");
  await at.pool.query("INSERT INTO steps VALUES (1)");
});
afterAll(() => at.remove());

const stepsIn = (url: string) =>
  withSession(url, async (session) =>
    (await session.query<{ n: number }>("SELECT n FROM steps ORDER BY n")).rows.map((row) => row.n),
  );
const scratchFolders = () => readdirSync(join(at.stateDir, "postgres/scratch"));

describe("point-in-time recovery", () => {
  it("says that there is no base backup yet", async () => {
    await createRestorePoint(at.ports, "too-early");
    await expect(recoverToScratch(at.ports, { toPoint: "too-early" })).rejects.toMatchObject({
      code: "NO_BASE_BACKUP",
      message: expect.stringContaining("fiber backup base"),
    });
  });

  it("takes a base backup that says what it is", async () => {
    const base = await createBase(at.ports);
    expect(await listBases(at.stateDir)).toEqual([base]);
    expect(base.manifest.files.map((file) => file.name)).toEqual([
      "backup_manifest",
      "base.tar.gz",
      "pg_wal.tar.gz",
    ]);
    await expect(recoverToScratch(at.ports, { toPoint: "too-early" })).rejects.toMatchObject({
      code: "NO_BASE_BACKUP",
    });
  });

  it("recovers exactly to a restore point, beside the living server", async () => {
    await at.pool.query("INSERT INTO steps VALUES (2)");
    await createRestorePoint(at.ports, "before-3");
    await at.pool.query("INSERT INTO steps VALUES (3)");
    const recovered = await recoverToScratch(at.ports, { toPoint: "before-3" });
    expect(await stepsIn(recovered.databaseUrl)).toEqual([1, 2]);
    expect(await stepsIn(at.server.url("fiberstack"))).toEqual([1, 2, 3]);
    // It is a server of its own that can be written, and archives nothing.
    await withSession(recovered.databaseUrl, async (session) => {
      await session.query("INSERT INTO steps VALUES (99)");
      const { rows } = await session.query("SHOW archive_mode");
      expect(rows).toEqual([{ archive_mode: "off" }]);
    });
    await recovered.stop();
    expect(scratchFolders()).toEqual([]);
  });

  it("recovers to a moment", async () => {
    const { rows } = await at.pool.query<{ now: Date }>("SELECT clock_timestamp() AS now");
    await new Promise((resolve) => setTimeout(resolve, 20));
    await at.pool.query("INSERT INTO steps VALUES (4)");
    const toTime = rows[0]?.now ?? new Date(0);
    const recovered = await recoverToScratch(at.ports, { toTime });
    expect(await stepsIn(recovered.databaseUrl)).toEqual([1, 2, 3]);
    await recovered.stop();
    await expect(
      recoverToScratch(at.ports, { toTime: new Date(Date.now() + 60_000) }),
    ).rejects.toMatchObject({ code: "TARGET_IN_FUTURE" });
  });

  it("recovers to this moment although nobody writes any more", async () => {
    const recovered = await recoverToScratch(at.ports, { toTime: new Date() });
    expect(await stepsIn(recovered.databaseUrl)).toEqual([1, 2, 3, 4]);
    await recovered.stop();
  });

  it("refuses a second restore point of a name, and is right when one was written by hand", async () => {
    await createRestorePoint(at.ports, "twice");
    await at.pool.query("INSERT INTO steps VALUES (5)");
    await expect(createRestorePoint(at.ports, "twice")).rejects.toMatchObject({
      code: "RESTORE_POINT_EXISTS",
    });
    await at.pool.query("SELECT pg_create_restore_point('mine')");
    await at.pool.query("INSERT INTO steps VALUES (6)");
    await createRestorePoint(at.ports, "mine");
    await at.pool.query("INSERT INTO steps VALUES (7)");
    const recovered = await recoverToScratch(at.ports, { toPoint: "mine" });
    expect(await stepsIn(recovered.databaseUrl)).toEqual([1, 2, 3, 4, 5, 6]);
    await recovered.stop();
    expect((await listRestorePoints(at.stateDir)).map((point) => point.name)).toEqual([
      "too-early",
      "before-3",
      "twice",
      "mine",
    ]);
    await expect(recoverToScratch(at.ports, { toPoint: "nowhere" })).rejects.toMatchObject({
      code: "RESTORE_POINT_UNKNOWN",
      message: expect.stringContaining("mine"),
    });
  });

  it("removes what a killed recovery left", async () => {
    const left = join(at.stateDir, "postgres/scratch/.recovery.4194300-abcdef.partial");
    mkdirSync(join(left, "data"), { recursive: true });
    const recovered = await recoverToScratch(at.ports, { toPoint: "mine" });
    expect(scratchFolders()).toHaveLength(1);
    await recovered.stop();
  });

  it("names a hole in the archive", async () => {
    const archive = archiveFolder(at.stateDir);
    for (let n = 8; n <= 10; n++) {
      await at.pool.query(`INSERT INTO steps VALUES (${n})`);
      await at.pool.query("SELECT pg_switch_wal()");
    }
    await createRestorePoint(at.ports, "behind-hole");
    await recoverToScratch(at.ports, { toPoint: "behind-hole" }).then((one) => one.stop());
    const hole = (await archivedSegments(archive)).at(-3) ?? "";
    renameSync(join(archive, `${hole}.gz`), join(at.stateDir, "kept"));
    await expect(recoverToScratch(at.ports, { toPoint: "behind-hole" })).rejects.toMatchObject({
      code: "ARCHIVE_HOLE",
      message: expect.stringContaining(hole),
    });
    // Where a hole cannot be seen beforehand: a segment that is there and damaged.
    writeFileSync(join(archive, `${hole}.gz`), "rubbish");
    await expect(recoverToScratch(at.ports, { toPoint: "behind-hole" })).rejects.toMatchObject({
      code: "RECOVERY_FAILED",
      message: expect.stringMatching(/recovery ended before configured recovery target/),
    });
    expect(scratchFolders()).toEqual([]);
    renameSync(join(at.stateDir, "kept"), join(archive, `${hole}.gz`));
    await recoverToScratch(at.ports, { toPoint: "behind-hole" }).then((one) => one.stop());
  });

  it("sees a damaged base backup before it unpacks it", async () => {
    const [base] = await listBases(at.stateDir);
    const file = join(base?.path ?? "", "base.tar.gz");
    renameSync(file, `${file}.kept`);
    writeFileSync(file, "rubbish");
    await expect(recoverToScratch(at.ports, { toPoint: "mine" })).rejects.toMatchObject({
      code: "BASE_DAMAGED",
    });
    renameSync(`${file}.kept`, file);
  });
});
