import { chmodSync, existsSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "#runtime";
import { createTestData } from "../data.itest-kit.js";
import { archiveHealth } from "../schedule/archive-health.js";
import { listBases } from "./base-manifest.js";
import { createBase } from "./create-base.js";
import { recoverToScratch } from "./recover-to-scratch.js";
import { createRestorePoint, listRestorePoints } from "./restore-points.js";
import { trimWal } from "./trim-wal.js";
import { type ArchivingServer, startArchivingServer } from "./wal.itest-kit.js";
import { archivedSegments, archiveFolder } from "./wal-folder.js";

let at: ArchivingServer;
beforeAll(async () => {
  at = await startArchivingServer();
});
afterAll(() => at.remove());

describe("an archive that fails", () => {
  it("is named before a recovery begins, is seen in its health, and catches up", async () => {
    await createBase(at.ports);
    await createRestorePoint(at.ports, "here");
    const archive = archiveFolder(at.stateDir);
    renameSync(archive, `${archive}.away`);
    try {
      await expect(
        recoverToScratch(at.ports, { toPoint: "here" }, { archiveTimeoutMs: 1_500 }),
      ).rejects.toMatchObject({
        code: "ARCHIVE_STUCK",
        message: expect.stringMatching(/archiving \S+ failed|puts its files elsewhere, or is slow/),
      });
      await expect
        .poll(async () => (await archiveHealth(at.pool)).light, { timeout: 30_000 })
        .toBe("amber");
      const health = await archiveHealth(at.pool);
      expect(health.reason).toMatch(/Archiving .* fails/);
      expect(health.waiting).toBeGreaterThan(0);
    } finally {
      renameSync(`${archive}.away`, archive);
    }
    // The server tries again within a minute.
    await expect
      .poll(async () => (await archiveHealth(at.pool)).light, { timeout: 90_000, interval: 500 })
      .toBe("green");
    await recoverToScratch(at.ports, { toPoint: "here" }).then((one) => one.stop());
  }, 180_000);
});

describe("trimming", () => {
  it("keeps two base backups and the WAL from the older one on", async () => {
    const folders: string[] = [];
    for (let n = 0; n < 3; n++) {
      await at.pool.query("SELECT pg_switch_wal()");
      folders.push((await createBase(at.ports)).path);
      await createRestorePoint(at.ports, `after-base-${n}`);
    }
    const before = await archivedSegments(archiveFolder(at.stateDir));
    const trimmed = await trimWal(at.ports);
    expect(trimmed.bases).toContain(folders[0]);
    expect((await listBases(at.stateDir)).map((base) => base.path)).toEqual(folders.slice(1));
    expect(trimmed.segments).toBeGreaterThan(0);
    const after = await archivedSegments(archiveFolder(at.stateDir));
    // The server may have archived another one meanwhile.
    const kept = before.slice(trimmed.segments);
    expect(after.slice(0, kept.length)).toEqual(kept);
    expect((await listRestorePoints(at.stateDir)).map((point) => point.name)).toEqual([
      "after-base-1",
      "after-base-2",
    ]);
    await recoverToScratch(at.ports, { toPoint: "after-base-1" }).then((one) => one.stop());
    expect(await trimWal(at.ports)).toEqual({ bases: [], segments: 0 });
  }, 120_000);

  it("without a base backup removes what is older than a day, and nothing newer", async () => {
    for (const base of await listBases(at.stateDir)) rmSync(base.path, { recursive: true });
    expect((await trimWal(at.ports)).segments).toBe(0);
    const clock = { ...systemClock, now: () => Date.now() + 25 * 3_600_000 };
    const archive = archiveFolder(at.stateDir);
    writeFileSync(join(archive, "00000002.history"), "kept: no segment");
    expect((await trimWal({ ...at.ports, clock })).segments).toBeGreaterThan(0);
    expect(await archivedSegments(archive)).toEqual([]);
    expect(existsSync(join(archive, "00000002.history"))).toBe(true);
  });
});

describe("a server that archives nothing", () => {
  it("gets neither restore points nor base backups", async () => {
    const data = await createTestData(1);
    chmodSync(data.stateDir, 0o711);
    await expect(createRestorePoint(data.ports, "x")).rejects.toMatchObject({
      code: "ARCHIVE_OFF",
    });
    await expect(createBase(data.ports)).rejects.toMatchObject({ code: "ARCHIVE_OFF" });
    expect(await archiveHealth(data.database.pool)).toMatchObject({ light: "off" });
    await data.remove();
  });
});
