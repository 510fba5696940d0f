import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createTestRepository, requireTool, type TestRepository } from "#testkit";
import { copyBackup } from "../backup/copy-backup.js";
import { createBackup } from "../backup/create-backup.js";
import { findBackup, listBackups } from "../backup/list-backups.js";
import { manifestPathOf } from "../backup/manifest.js";
import { backupsFolder } from "../backup/places.js";
import { proveBackup } from "../backup/prove-backup.js";
import { pruneBackups } from "../backup/prune-backups.js";
import { createTestData, type TestData } from "../data.itest-kit.js";
import { createGit, type Git } from "../git/run-git.js";
import { importReleases } from "./import-releases.js";
import { restorableTags } from "./prune-releases.js";
import { releaseFile, releasesFolder } from "./release-places.js";
import { createReleaseStore, type ReleaseStore } from "./release-store.js";
import { migrationText } from "./releases.itest-kit.js";
import { tagRelease } from "./tag-release.js";

const describeAll = describe.skipIf(!requireTool("ssh-keygen") || !requireTool("pg_dump"));
let repository: TestRepository;
let data: TestData;
let git: Git;
let store: ReleaseStore;
let copies: string;
beforeEach(async () => {
  repository = createTestRepository();
  data = await createTestData(50);
  git = createGit(repository.folder);
  store = createReleaseStore(data.stateDir);
  copies = mkdtempSync(join(tmpdir(), "fiber-copies-"));
  repository.commit("Begin", {
    "fiber.yaml": "format: 1\nname: sample\nmigrations: migrations\n",
    "migrations/0001_things.sql": migrationText("CREATE TABLE things (n int)", "DROP TABLE things"),
  });
});
afterEach(async () => {
  repository.remove();
  rmSync(copies, { recursive: true, force: true });
  await data.remove();
});

const importAll = (given: { from?: string; dryRun?: boolean } = {}) =>
  importReleases({
    git,
    store,
    stateDir: data.stateDir,
    from: given.from ?? null,
    dryRun: given.dryRun ?? false,
  });
const tag = (name: string) =>
  tagRelease(git, store, { tag: name, message: null, push: false, dryRun: false });
const outcomes = (found: Awaited<ReturnType<typeof importAll>>) =>
  Object.fromEntries(found.map((one) => [one.tag, one.outcome]));

/** Tags three releases; the first is good with a backup, the second bad with one, the third new. */
async function history(): Promise<void> {
  await tag("v1.0.0");
  repository.commit("Two", {
    "migrations/0002_more.sql": migrationText("CREATE TABLE more (n int)", "DROP TABLE more"),
  });
  await tag("v1.1.0");
  await tag("v1.2.0-rc");
  const begun = await store.mark("v1.0.0", { status: "live", why: null, now: Date.now() });
  const artefact = { kind: "folder", ref: "/x", digest: "sha256:1", sizeBytes: 7 } as const;
  await store.write({ ...begun, artefact });
  await createBackup(data.ports, { tag: "v1.0.0", name: "before" });
  // What is found out after a backup was taken must come back too.
  const baseline = {
    recordedAt: new Date().toISOString(),
    probesByRegion: { Accra: 1, Lagos: 1 },
    ingestLagS: 0.5,
    errorRate: 0,
    readP95Ms: null,
  };
  const good = await store.mark("v1.0.0", { status: "good", why: "verified", now: Date.now() });
  const proof = { head: "0002", provedAt: new Date().toISOString() };
  await store.write({ ...good, baseline, compatibleWith: [proof] });
  await store.mark("v1.1.0", { status: "live", why: null, now: Date.now() });
  await createBackup(data.ports, { tag: "v1.1.0" });
  await store.mark("v1.1.0", { status: "bad", why: "the API answered 500", now: Date.now() });
}

const loseReleases = () => rmSync(releasesFolder(data.stateDir), { recursive: true });

describeAll("fiber release import", () => {
  it("rebuilds a lost folder of releases, record by record", async () => {
    await history();
    const before = await store.list();
    expect(before.map((one) => one.backups.length)).toEqual([0, 1, 1]);
    loseReleases();
    expect(await store.list()).toEqual([]);
    await importAll({ dryRun: true });
    expect(await store.list()).toEqual([]);
    expect(outcomes(await importAll())).toEqual({
      "v1.0.0": "from-backup",
      "v1.1.0": "from-backup",
      "v1.2.0-rc": "from-tag",
    });
    expect(await store.list()).toEqual(before);
    const built = async () => ({ digest: "sha256:1" });
    expect((await store.lastKnownGood(built))?.tag).toBe("v1.0.0");
    expect(Object.values(outcomes(await importAll()))).toEqual(["kept", "kept", "kept"]);
  });

  it("rebuilds from copies elsewhere when the whole state folder is gone", async () => {
    await history();
    const before = await store.list();
    for (const backup of await listBackups(data.stateDir)) {
      await copyBackup(data.ports, backup, copies);
    }
    rmSync(data.stateDir, { recursive: true });
    expect(outcomes(await importAll())).toMatchObject({ "v1.0.0": "from-tag" });
    loseReleases();
    await importAll({ from: copies });
    const withoutBackups = before.map((record) => ({ ...record, backups: [] }));
    expect(await store.list()).toEqual(withoutBackups);
    cpSync(copies, backupsFolder(data.stateDir), { recursive: true });
    expect(await store.list()).toEqual(before);
    await expect(importAll({ from: join(copies, "nowhere") })).rejects.toMatchObject({
      code: "USAGE",
    });
  });

  it("keeps what a later proof and a damaged manifest leave", async () => {
    await history();
    const { path } = await findBackup(data.stateDir, "v1.0.0");
    expect((await proveBackup(data.ports, { path })).provenAt).not.toBeNull();
    writeFileSync(manifestPathOf((await findBackup(data.stateDir, "v1.1.0")).path), "{");
    const before = await store.read("v1.0.0");
    loseReleases();
    expect(outcomes(await importAll())).toMatchObject({
      "v1.0.0": "from-backup",
      "v1.1.0": "from-tag",
    });
    expect(await store.read("v1.0.0")).toEqual(before);
  });

  it("replaces a damaged record and leaves the others alone", async () => {
    await history();
    const before = await store.list();
    writeFileSync(releaseFile(data.stateDir, "v1.0.0"), '{"format":1,');
    expect(outcomes(await importAll())).toEqual({
      "v1.0.0": "from-backup",
      "v1.1.0": "kept",
      "v1.2.0-rc": "kept",
    });
    expect(await store.list()).toEqual(before);
  });

  it("does not import a release whose tag was moved meanwhile", async () => {
    await history();
    loseReleases();
    repository.commit("Other", { app: "other" });
    repository.git("tag", "-s", "-f", "-m", "moved", "v1.0.0");
    const moved = (await importAll()).find((one) => one.tag === "v1.0.0");
    expect(moved).toMatchObject({ outcome: "problem", detail: expect.stringContaining("moved") });
    expect(await store.read("v1.0.0")).toBeNull();
  });

  it("imports a release whose tag this clone lacks, and passes over what is no release", async () => {
    await history();
    const before = await store.read("v1.0.0");
    loseReleases();
    repository.git("tag", "--delete", "v1.0.0");
    repository.git("rm", "--quiet", "fiber.yaml");
    repository.git("commit", "--quiet", "-m", "No product");
    repository.git("tag", "weekly");
    const found = await importAll();
    expect(outcomes(found)).toMatchObject({ "v1.0.0": "from-backup" });
    expect(found.map((one) => one.tag)).not.toContain("weekly");
    expect(await store.read("v1.0.0")).toEqual(before);
  });
});

describeAll("a backup's manifest", () => {
  const manifestOf = (path: string) => JSON.parse(readFileSync(manifestPathOf(path), "utf8"));

  it("holds the record of its release, with itself among the backups", async () => {
    await tag("v1.0.0");
    const { path, manifest } = await createBackup(data.ports, { tag: "v1.0.0", name: "one" });
    expect(manifest.release).toMatchObject({ tag: "v1.0.0", backups: ["v1.0.0/one.dump"] });
    expect(manifest.release).toEqual(await store.read("v1.0.0"));
    await store.mark("v1.0.0", { status: "bad", why: "broken", now: Date.now() });
    expect(manifestOf(path).release).toEqual(await store.read("v1.0.0"));
  });

  it("holds none for a working tree", async () => {
    const { manifest } = await createBackup(data.ports, { tag: "dev" });
    expect(manifest.release).toBeNull();
  });
});

describeAll("retention of backups", () => {
  it("keeps what good releases need, whatever their age", async () => {
    await tag("v1.0.0");
    await tag("v1.1.0");
    const day = 86_400_000;
    const at = (ms: number) => ({ ...data.ports, clock: { ...data.ports.clock, now: () => ms } });
    const start = Date.now() - 40 * day;
    await createBackup(at(start), { tag: "v1.0.0" });
    await createBackup(at(start + day), { tag: "v1.1.0" });
    for (let n = 2; n < 5; n++) await createBackup(at(start + n * day), { tag: "dev" });
    await store.mark("v1.0.0", { status: "good", why: null, now: start });
    await store.mark("v1.1.0", { status: "bad", why: null, now: start });
    const retention = { daily: 1, weekly: 0, monthly: 0 };
    const good = restorableTags(await store.list(), await listBackups(data.stateDir));
    const pruned = await pruneBackups(data.ports, { goodReleases: good, retention, dryRun: false });
    expect(pruned.keep.map((one) => one.id.split("/").at(-2))).toEqual(["dev", "v1.0.0"]);
    expect((await store.read("v1.0.0"))?.backups).toHaveLength(1);
    expect((await store.read("v1.1.0"))?.backups).toEqual([]);
    expect(readdirSync(join(backupsFolder(data.stateDir), "v1.1.0"))).toEqual([]);
  });
});
