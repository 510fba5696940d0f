import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { withCompatible, worksOn } from "./compatibility.js";
import { releaseFile, releasesFolder } from "./release-places.js";
import { createReleaseStore, type ReleaseStore } from "./release-store.js";
import { testRecord } from "./releases.itest-kit.js";

let stateDir: string;
let store: ReleaseStore;
beforeEach(() => {
  stateDir = mkdtempSync(join(tmpdir(), "fiber-releases-"));
  store = createReleaseStore(stateDir);
});
afterEach(() => rmSync(stateDir, { recursive: true, force: true }));

const built = async (tag: string) => ({ digest: `of ${tag}` });
const now = Date.UTC(2026, 0, 2);
const good = async (tag: string, liveAt: string) =>
  store.write(testRecord(tag, { status: "good", liveAt }));

it("has nothing before the first release", async () => {
  expect(await store.list()).toEqual([]);
  expect(await store.read("v1.0.0")).toBeNull();
  expect(await store.read("../escape")).toBeNull();
  expect(await store.lastKnownGood(built)).toBeNull();
});

it("computes the last known good: newest good whose artefact is still what was built", async () => {
  await good("v1.0.0", "2026-01-01T01:00:00.000Z");
  await good("v1.1.0", "2026-01-01T02:00:00.000Z");
  await store.write(testRecord("v1.2.0", { status: "bad", liveAt: "2026-01-01T03:00:00.000Z" }));
  expect((await store.lastKnownGood(built))?.tag).toBe("v1.1.0");
  expect((await store.lastKnownGood(built, { except: "v1.1.0" }))?.tag).toBe("v1.0.0");
  const pruned = async (tag: string) => (tag === "v1.1.0" ? null : built(tag));
  expect((await store.lastKnownGood(pruned))?.tag).toBe("v1.0.0");
  const changed = async () => ({ digest: "of something else" });
  expect(await store.lastKnownGood(changed)).toBeNull();
});

it("keeps one status after the other, with times that never run backwards", async () => {
  await good("v1.0.0", "2026-01-02T00:00:00.000Z");
  await store.write(testRecord("v1.1.0"));
  const live = await store.mark("v1.1.0", { status: "live", why: "deploy", now: now - 60_000 });
  expect(live).toMatchObject({ status: "live", liveAt: "2026-01-02T00:00:00.001Z" });
  await store.mark("v1.1.0", { status: "good", why: "verified", now: now - 60_000 });
  expect((await store.lastKnownGood(built))?.tag).toBe("v1.1.0");
  await store.mark("v1.1.0", { status: "bad", why: "probes fell silent", now });
  expect((await store.lastKnownGood(built))?.tag).toBe("v1.0.0");
  const missing = store.mark("v9.0.0", { status: "live", why: null, now });
  await expect(missing).rejects.toMatchObject({ code: "RELEASE_NOT_FOUND" });
});

it("refuses a record of a newer version by name, and a damaged one with the remedy", async () => {
  await good("v1.0.0", "2026-01-01T01:00:00.000Z");
  writeFileSync(releaseFile(stateDir, "v1.0.0"), '{"format":2,"tag":"v1.0.0"}');
  await expect(store.list()).rejects.toMatchObject({ code: "RELEASE_TOO_NEW" });
  for (const text of ['{"format":1,"tag":', '{"format":1}', "null", ""]) {
    writeFileSync(releaseFile(stateDir, "v1.0.0"), text);
    await expect(store.read("v1.0.0")).rejects.toMatchObject({
      code: "RELEASE_INVALID",
      message: expect.stringContaining("fiber release import"),
    });
  }
});

it("does not take a copied folder for a release", async () => {
  await good("v1.0.0", "2026-01-01T01:00:00.000Z");
  mkdirSync(join(releasesFolder(stateDir), "copy of v1"));
  expect(await store.list()).toHaveLength(1);
  const copy = join(releasesFolder(stateDir), "copy of v1", "release.json");
  writeFileSync(copy, JSON.stringify(testRecord("v1.0.0")));
  await expect(store.list()).rejects.toThrow(/copy of v1.*record of v1\.0\.0/s);
});

it("refuses to write what it could not read again", async () => {
  const wrong = testRecord("v1.0.0", { commit: "main" });
  await expect(store.write(wrong)).rejects.toMatchObject({ code: "RELEASE_INVALID" });
  expect(await store.list()).toEqual([]);
  await expect(store.write(testRecord("../x"))).rejects.toMatchObject({ code: "USAGE" });
});

it("knows on which schemas a release was seen to work", () => {
  const record = testRecord("v1.0.0", { migrations: { head: "0004", files: [] } });
  expect(worksOn(record, "0004")).toBe(true);
  expect(worksOn(record, "0005")).toBe(false);
  const first = withCompatible(record, { head: "0005", provedAt: "2026-01-01T00:00:00.000Z" });
  const again = withCompatible(first, { head: "0005", provedAt: "2026-02-01T00:00:00.000Z" });
  expect(worksOn(again, "0005")).toBe(true);
  expect(again.compatibleWith).toEqual([{ head: "0005", provedAt: "2026-02-01T00:00:00.000Z" }]);
});
