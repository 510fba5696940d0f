import { describe, expect, it } from "vitest";
import type { ArchiveStatus } from "#db";
import { judgeArchive } from "./archive-health.js";

const good: ArchiveStatus = {
  on: true,
  command: "sh archive-wal.sh",
  lastArchived: "000000010000000000000003",
  lastArchivedMs: 1_000,
  failures: 0,
  lastFailed: null,
  lastFailedMs: null,
  waiting: 0,
  nowMs: 61_000,
};

describe("judgeArchive", () => {
  it.each<[string, Partial<ArchiveStatus>, string]>([
    ["works", {}, "green"],
    ["failed once and works again", { lastFailedMs: 500, lastFailed: "a", failures: 3 }, "green"],
    [
      "fails since the last success",
      { lastFailedMs: 2_000, lastFailed: "a", failures: 1 },
      "amber",
    ],
    ["never worked", { lastArchivedMs: null, lastFailedMs: 5, lastFailed: "a" }, "amber"],
    ["is slow", { waiting: 8 }, "amber"],
    ["fills the disk", { waiting: 64 }, "red"],
    ["is off", { on: false }, "off"],
  ])("an archive that %s", (_, change, light) => {
    const health = judgeArchive({ ...good, ...change });
    expect(health.light).toBe(light);
    expect(health.reason === null).toBe(light === "green");
  });

  it("tells the age of the last segment", () => {
    expect(judgeArchive(good).ageS).toBe(60);
    expect(judgeArchive({ ...good, lastArchivedMs: null }).ageS).toBeNull();
  });
});
