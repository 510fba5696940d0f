import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { generateX25519Identity, identityToRecipient } from "age-encryption";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "#runtime";
import { canHaveSmallDisk, smallDisk } from "#testkit";
import { createTestData, type TestData } from "../data.itest-kit.js";
import { findPgTools } from "../pg-tools.js";
import { noProgress } from "../progress.js";
import { copyBackup, lastCopy, newestUncopied } from "./copy-backup.js";
import { createBackup } from "./create-backup.js";
import { findBackup, listBackups } from "./list-backups.js";
import { globalsPathOf, manifestPathOf, readManifest } from "./manifest.js";
import { proveBackup } from "./prove-backup.js";
import { pruneBackups } from "./prune-backups.js";
import { verifyBackup } from "./verify-backup.js";

const itHasDisk = it.runIf(await canHaveSmallDisk());

let data: TestData;
beforeAll(async () => {
  data = await createTestData(500);
});
afterAll(() => data.remove());
beforeEach(() => rmSync(join(data.stateDir, "backups"), { recursive: true, force: true }));

const DAY_MS = 86_400_000;
/** A backup whose clock stood at that many days ago. */
const backupAgo = (days: number, tag: string) =>
  createBackup(
    { ...data.ports, clock: { ...systemClock, now: () => Date.now() - days * DAY_MS } },
    { tag },
  );

describe("pruneBackups", () => {
  it("removes dump, manifest and roles, keeps what a good release needs and what was named, mends links", async () => {
    const old = await backupAgo(400, "v1");
    await proveBackup(data.ports, { path: old.path });
    const unproven = await backupAgo(390, "v1");
    const named = await createBackup(
      { ...data.ports, clock: { ...systemClock, now: () => Date.now() - 600 * DAY_MS } },
      { tag: "v2", name: "before-the-move" },
    );
    const dropped = await backupAgo(380, "v2");
    for (const days of [300, 30, 3, 2, 1, 0]) await backupAgo(days, "v3");
    const retention = { daily: 2, weekly: 1, monthly: 1 };

    const plan = await pruneBackups(data.ports, { goodReleases: ["v1"], retention, dryRun: true });
    expect(existsSync(dropped.path)).toBe(true);
    const done = await pruneBackups(data.ports, { goodReleases: ["v1"], retention, dryRun: false });
    expect(done).toEqual(plan);
    expect(done.freedBytes).toBeGreaterThan(0);

    expect(existsSync(named.path)).toBe(true);
    expect(existsSync(unproven.path)).toBe(true);
    for (const gone of [dropped.path]) {
      for (const file of [gone, manifestPathOf(gone), globalsPathOf(gone)]) {
        expect(existsSync(file)).toBe(false);
      }
    }
    expect((await findBackup(data.stateDir, "v1")).path).toBe(unproven.path);
    // The link of v2 pointed at what went: now it points at what is left.
    expect(readFileSync(join(data.stateDir, "backups/v2.dump")).length).toBe(
      named.manifest.file.sizeBytes,
    );
    expect((await listBackups(data.stateDir)).map((one) => one.tag)).toEqual([
      "v3",
      "v3",
      "v1",
      "v1",
      "v2",
    ]);
  });

  it("leaves dumps without a manifest alone", async () => {
    const { path } = await backupAgo(500, "v1");
    await backupAgo(0, "v1");
    rmSync(manifestPathOf(path));
    const retention = { daily: 1, weekly: 0, monthly: 0 };
    await pruneBackups(data.ports, { goodReleases: [], retention, dryRun: false });
    expect(existsSync(path)).toBe(true);
  });
});

describe("copyBackup", () => {
  it("copies into a folder, compares, and never overwrites another file", async () => {
    const target = mkdtempSync(join(tmpdir(), "fiber-copy-"));
    const { path, manifest } = await createBackup(data.ports, { tag: "v1" });
    const backup = await findBackup(data.stateDir, "v1");
    expect((await newestUncopied(data.stateDir))?.path).toBe(path);
    await copyBackup(data.ports, backup, target);
    expect(await newestUncopied(data.stateDir)).toBeNull();
    expect((await lastCopy(data.stateDir))?.path).toBe(path);
    const copy = join(target, "v1", manifest.file.name);
    const report = await verifyBackup({ path: copy, tools: await findPgTools(15) }, noProgress);
    expect(report.problems).toEqual([]);
    await copyBackup(data.ports, backup, target);
    writeFileSync(copy, "something else");
    await expect(copyBackup(data.ports, backup, target)).rejects.toMatchObject({
      code: "COPY_FAILED",
    });
    expect(readFileSync(copy, "utf8")).toBe("something else");
    rmSync(target, { recursive: true });
  });

  it("hands each file to a command, the manifest last", async () => {
    const target = mkdtempSync(join(tmpdir(), "fiber-copy-"));
    const { path } = await createBackup(data.ports, { tag: "v1" });
    const command = `mkdir -p ${target}/v1 && cp "$FIBER_BACKUP_FILE" "${target}/$FIBER_BACKUP_NAME" && echo "$FIBER_BACKUP_NAME" >> ${target}/order`;
    await copyBackup(data.ports, await findBackup(data.stateDir, path), command);
    const order = readFileSync(join(target, "order"), "utf8").trim().split("\n");
    expect(order).toHaveLength(3);
    expect(order.at(-1)).toBe(`v1/${basename(manifestPathOf(path))}`);
    rmSync(target, { recursive: true });
  });

  it("says that the command failed and notes no copy", async () => {
    await createBackup(data.ports, { tag: "v1" });
    const backup = await findBackup(data.stateDir, "latest");
    await expect(copyBackup(data.ports, backup, "echo no room >&2; exit 7")).rejects.toMatchObject({
      code: "COMMAND_FAILED",
      message: expect.stringContaining("no room"),
    });
    expect(await newestUncopied(data.stateDir)).not.toBeNull();
  });
});

describe("an encrypted backup", () => {
  it("leaves no plain byte, verifies, and is proven with its key only", async () => {
    const identity = await generateX25519Identity();
    const recipient = await identityToRecipient(identity);
    const identityFile = join(data.stateDir, "key.txt");
    writeFileSync(identityFile, `# created: today\n${identity}\n`, { mode: 0o600 });
    const { path, link } = await createBackup(data.ports, { tag: "sealed", recipient });

    expect(basename(link)).toBe("sealed.dump.age");
    const names = readdirSync(join(data.stateDir, "backups/sealed")).sort();
    expect(names.map((name) => name.replace(/^[^.]+/, ""))).toEqual([
      ".dump.age",
      ".globals.sql.age",
      ".manifest.json",
    ]);
    for (const name of names.filter((one) => one.endsWith(".age"))) {
      const text = readFileSync(join(data.stateDir, "backups/sealed", name), "latin1");
      expect(text.startsWith("age-encryption.org/v1")).toBe(true);
      expect(text).not.toMatch(/PGDMP|CREATE ROLE|SCRAM-SHA/);
    }
    const tools = await findPgTools(15);
    expect((await verifyBackup({ path, tools }, noProgress)).problems).toEqual([]);
    const opened = await verifyBackup({ path, tools, identityFile }, noProgress);
    expect(opened.problems).toEqual([]);
    expect(opened.contents?.tables).toContain("nodes");
    await expect(proveBackup(data.ports, { path })).rejects.toMatchObject({
      code: "DUMP_ENCRYPTED",
    });
    const report = await proveBackup(data.ports, { path, identityFile });
    expect(report.differences).toEqual([]);
    expect((await readManifest(path)).provenAt).toBe(report.provenAt);

    const stranger = join(data.stateDir, "stranger.txt");
    writeFileSync(stranger, await generateX25519Identity());
    await expect(
      verifyBackup({ path, tools, identityFile: stranger }, noProgress),
    ).rejects.toMatchObject({
      code: "BACKUP_KEY_WRONG",
    });
  });

  it("refuses what is no recipient before it connects", async () => {
    await expect(
      createBackup(data.ports, { tag: "sealed", recipient: "AGE-SECRET-KEY-1XYZ" }),
    ).rejects.toMatchObject({ code: "USAGE" });
  });
});

describe("a full disk", () => {
  itHasDisk("is foreseen, and in the middle leaves nothing but a clear error", async () => {
    const disk = await smallDisk(33 << 20);
    const ports = { ...data.ports, stateDir: disk.folder };
    try {
      // The estimate (a small database and the reserve) does not fit.
      await expect(createBackup(ports, { tag: "full" })).rejects.toMatchObject({
        code: "DISK_SHORT",
        message: expect.stringMatching(/are free/),
      });
      await disk.resize(50 << 20);
      await data.database.pool.query(
        "CREATE TABLE noise AS SELECT gen_random_uuid() AS a, gen_random_uuid() AS b FROM generate_series(1, 20000)",
      );
      for (const recipient of [
        undefined,
        await identityToRecipient(await generateX25519Identity()),
      ]) {
        // Somebody else fills the disk after the estimate.
        const filler = join(disk.folder, "filler");
        const create = createBackup(
          {
            ...ports,
            progress: () => {
              if (!existsSync(filler)) fillUp(filler);
            },
          },
          { tag: "full", ...(recipient === undefined ? {} : { recipient }) },
        );
        await expect(create).rejects.toMatchObject({ code: "DISK_FULL" });
        expect(readdirSync(join(disk.folder, "backups/full"))).toEqual([]);
        rmSync(filler);
      }
      await data.database.pool.query("DROP TABLE noise");
    } finally {
      await disk.remove();
    }
  });
});

function fillUp(file: string): void {
  try {
    writeFileSync(file, Buffer.alloc(60 * 1024 * 1024));
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code !== "ENOSPC") throw err;
  }
}
