import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { goodReleases, newestFirst, withStatus } from "./order-releases.js";
import { planReleasePrune, pruneReleases, restorableTags } from "./prune-releases.js";
import type { ReleaseRecord } from "./release-record.js";
import { testRecord } from "./releases.itest-kit.js";

const at = (minute: number) => new Date(Date.UTC(2026, 0, 1, 0, minute)).toISOString();
const tagsOf = (records: readonly ReleaseRecord[]) => records.map((record) => record.tag);

/** Histories: every release with a status and times that need not be in order. */
const histories = fc
  .array(
    fc.record({
      status: fc.constantFrom("candidate", "live", "good", "bad"),
      created: fc.nat(500),
      live: fc.nat(500),
      built: fc.boolean(),
    }),
    { maxLength: 12 },
  )
  .map((list) =>
    list.map(({ status, created, live, built }, index) =>
      testRecord(`v1.${index}.0`, {
        status,
        createdAt: at(created),
        liveAt: status === "candidate" ? null : at(live),
        ...(built ? {} : { artefact: null }),
      }),
    ),
  );

describe("the order of releases", () => {
  it("is by when they last began to run, not by their names or tags' ages", () => {
    const records = [
      testRecord("v1.0.0", { liveAt: at(30), status: "good" }),
      testRecord("v1.1.0", { liveAt: at(20), status: "good" }),
      testRecord("v1.2.0", { liveAt: at(10), status: "bad" }),
      testRecord("v2.0.0", { liveAt: null, createdAt: at(1) }),
    ];
    expect(tagsOf(newestFirst(records))).toEqual(["v2.0.0", "v1.0.0", "v1.1.0", "v1.2.0"]);
    expect(tagsOf(goodReleases(records))).toEqual(["v1.0.0", "v1.1.0"]);
  });

  it("puts what begins to run first, though the clock was set back", () => {
    fc.assert(
      fc.property(histories, fc.integer({ min: 0, max: 4e12 }), (records, now) => {
        const next = testRecord("v9.0.0");
        const live = withStatus(next, { status: "live", why: null, now }, records);
        const good = withStatus(live, { status: "good", why: null, now: 0 }, records);
        expect(goodReleases([...records, good])[0]?.tag).toBe("v9.0.0");
        expect(Date.parse(good.judgedAt ?? "")).toBeGreaterThanOrEqual(
          Date.parse(good.liveAt ?? ""),
        );
      }),
    );
  });
});

describe("pruning releases", () => {
  it("never gives up what runs, the last two good ones, or what was not judged", () => {
    fc.assert(
      fc.property(histories, fc.nat(11), (records, pick) => {
        const running = records[pick]?.tag ?? null;
        const { keep, remove } = planReleasePrune(records, running);
        const lastTwo = tagsOf(goodReleases(records)).slice(0, 2);
        const unjudged = tagsOf(records.filter(({ status }) => status === "live"));
        for (const tag of [...lastTwo, ...unjudged, running ?? ""])
          expect(remove).not.toContain(tag);
        expect(new Set([...keep.map(({ tag }) => tag), ...remove]).size).toBe(
          keep.length + remove.length,
        );
      }),
    );
  });

  it("gives up older good ones and bad ones, and says why the others stay", () => {
    const good = (tag: string, minute: number) =>
      testRecord(tag, { status: "good", liveAt: at(minute), createdAt: at(minute) });
    const records = [
      good("v1.0.0", 1),
      good("v1.1.0", 2),
      good("v1.2.0", 3),
      testRecord("v1.3.0", { status: "bad", liveAt: at(4), createdAt: at(4) }),
      testRecord("v1.4.0", { createdAt: at(5) }),
      testRecord("v0.9.0", { createdAt: at(0) }),
    ];
    const plan = planReleasePrune(records, "v1.2.0");
    expect(plan.remove).toEqual(["v0.9.0", "v1.3.0", "v1.0.0"]);
    expect(plan.keep).toEqual([
      { tag: "v1.4.0", reasons: ["may be next"] },
      { tag: "v1.2.0", reasons: ["runs now", "last good"] },
      { tag: "v1.1.0", reasons: ["good before it"] },
    ]);
  });
});

describe("removing what a plan gives up", () => {
  it("names what went, passes what was gone, and one that stays does not keep the others", async () => {
    const remove = async (tag: string) => {
      if (tag === "v2") throw new Error("EACCES: v2");
      return tag !== "v1";
    };
    expect(await pruneReleases({ keep: [], remove: ["v1", "v2", "v3"] }, remove)).toEqual({
      removed: ["v3"],
      kept: [{ tag: "v2", problem: "EACCES: v2" }],
    });
  });
});

describe("tags whose data must stay restorable", () => {
  it("are the good, the unjudged, and those of which nothing is recorded", () => {
    const records = [
      testRecord("v1", { status: "good" }),
      testRecord("v2", { status: "bad" }),
      testRecord("v3", { status: "live" }),
      testRecord("v4"),
    ];
    const backups = ["v1", "v2", "v4", "dev", "v0"].map((tag) => ({ tag }));
    expect(restorableTags(records, backups)).toEqual(["v1", "v3", "dev", "v0"]);
  });
});
