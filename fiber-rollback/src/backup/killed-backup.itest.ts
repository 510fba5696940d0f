import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isBackupRunning } from "#db";
import { createTestData, type TestData } from "../data.itest-kit.js";
import { findPgTools } from "../pg-tools.js";
import { noProgress } from "../progress.js";
import { copyBackup, lastCopy } from "./copy-backup.js";
import { createBackup } from "./create-backup.js";
import { killAtFile, killWhen } from "./kill-work.itest-kit.js";
import { findBackup, listBackups } from "./list-backups.js";
import { manifestPathOf, readManifest } from "./manifest.js";
import { proveBackup } from "./prove-backup.js";
import { verifyBackup } from "./verify-backup.js";

let data: TestData;
beforeAll(async () => {
  data = await createTestData(60_000);
});
afterAll(() => data.remove());

describe("a backup killed with its whole process group", () => {
  it.each([
    ["when the dump begins", /\.dump\.\d+-.*partial$/],
    ["when the roles are written", /globals\.sql\.\d+-.*partial$/],
    ["when the roles have their name", /^[^.].*\.globals\.sql$/],
    ["when the manifest is written", /manifest\.json\.\d+-.*partial$/],
    ["when the manifest has its name", /^[^.].*\.manifest\.json$/],
    ["when the dump has its name", /^[^.].*\.dump$/],
  ])("%s leaves no backup that only looks complete", async (_, moment) => {
    const work = { url: data.database.url, stateDir: data.stateDir, what: "create" } as const;
    expect(await killAtFile(work, join(data.stateDir, "backups/killed"), moment)).toBe(true);
    // The server ends the dead session by itself.
    await expect.poll(() => isBackupRunning(data.database.pool), { timeout: 20_000 }).toBe(false);

    const tools = await findPgTools(15);
    for (const backup of await listBackups(data.stateDir)) {
      const report = await verifyBackup({ path: backup.path, tools }, noProgress);
      expect(report.problems).toEqual([]);
    }
    const after = await createBackup(data.ports, { tag: "killed" });
    const folder = join(data.stateDir, "backups/killed");
    const names = readdirSync(folder);
    expect(names.filter((name) => name.endsWith(".partial"))).toEqual([]);
    // Each backup is whole: three files of one name.
    const stems = names.map((name) => name.slice(0, 16));
    for (const stem of new Set(stems)) {
      expect(stems.filter((one) => one === stem)).toHaveLength(3);
    }
    expect(existsSync(after.link)).toBe(true);
  });
});

describe("a proof killed with its whole process group", () => {
  const scratchDatabases = async () =>
    (
      await data.database.pool.query<{ datname: string }>(
        "SELECT datname FROM pg_database WHERE datname LIKE 'fiber\\_prove\\_%'",
      )
    ).rows;

  it.each([
    ["when its database is there", async () => (await scratchDatabases()).length > 0],
    [
      "while rows are copied",
      async () => {
        const { rows } = await data.database.pool.query(
          "SELECT FROM pg_stat_activity WHERE datname LIKE 'fiber\\_prove\\_%' AND query LIKE 'COPY%'",
        );
        return rows.length > 0;
      },
    ],
  ])("%s proves nothing, and the next one works and clears up", async (_, isTime) => {
    const { path } = await createBackup(data.ports, { tag: "to-prove" });
    const { url } = data.database;
    const work = { url, stateDir: data.stateDir, what: "prove", more: [path] } as const;
    expect(await killWhen(work, isTime)).toBe(true);
    expect((await readManifest(path)).provenAt).toBeNull();
    expect(await scratchDatabases()).toHaveLength(1);

    const prove = () => proveBackup(data.ports, { path });
    // The server ends the dead session, which holds the lock of proofs, by itself.
    const report = await expect
      .poll(() => prove().catch((err: { code?: string }) => err.code), { timeout: 30_000 })
      .not.toBe("PROOF_RUNNING")
      .then(prove);
    expect(report.differences).toEqual([]);
    expect(await scratchDatabases()).toEqual([]);
  });
});

describe("a copy killed with its whole process group", () => {
  it.each([
    ["while the dump is copied", /^\.\d.*\.dump\.\d+-.*partial$/],
    ["when the dump has its name", /^\d.*\.dump$/],
    ["while the manifest is copied", /^\.\d.*\.manifest\.json\.\d+-.*partial$/],
  ])("%s is no copy yet, and the next one is whole", async (_, moment) => {
    const { path, manifest } = await createBackup(data.ports, { tag: "to-copy" });
    const destination = mkdtempSync(join(tmpdir(), "fiber-copy-"));
    const folder = join(destination, "to-copy");
    try {
      const { url } = data.database;
      const more = [path, destination];
      const work = { url, stateDir: data.stateDir, what: "copy", more } as const;
      expect(await killAtFile(work, folder, moment)).toBe(true);
      expect((await lastCopy(data.stateDir))?.path).not.toBe(path);
      expect(readdirSync(folder).filter((name) => name.endsWith(".manifest.json"))).toEqual([]);

      await copyBackup(data.ports, await findBackup(data.stateDir, path), destination);
      expect(readdirSync(folder).filter((name) => name.startsWith("."))).toEqual([]);
      const copy = join(folder, manifest.file.name);
      expect(readFileSync(copy).equals(readFileSync(path))).toBe(true);
      expect(readFileSync(manifestPathOf(copy), "utf8")).toBe(
        readFileSync(manifestPathOf(path), "utf8"),
      );
      expect((await lastCopy(data.stateDir))?.path).toBe(path);
    } finally {
      rmSync(destination, { recursive: true, force: true });
    }
  });
});
