import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DEFAULT_RETENTION, type PruneCandidate, planPrune } from "./plan-prune.js";

const DAY_MS = 86_400_000;
const start = Date.UTC(2024, 0, 1);
const tags = ["v1", "v2", "v3"];

const backups = fc
  .uniqueArray(
    fc.record({
      id: fc.string({ minLength: 1, maxLength: 6 }),
      tag: fc.constantFrom(...tags),
      createdMs: fc.integer({ min: start, max: start + 900 * DAY_MS }),
      proven: fc.boolean(),
      named: fc.boolean(),
    }),
    { selector: (one) => one.id, maxLength: 80 },
  )
  .map((list): readonly PruneCandidate[] => list);
const good = fc.subarray(tags);

const daily = (days: number, tag = "v1"): readonly PruneCandidate[] =>
  Array.from({ length: days }, (_, day) => ({
    id: String(day).padStart(4, "0"),
    tag,
    createdMs: start + day * DAY_MS,
    proven: false,
    named: false,
  }));

describe("planPrune", () => {
  it("keeps or removes each backup, once", () => {
    fc.assert(
      fc.property(backups, good, (list, releases) => {
        const plan = planPrune(list, releases);
        const named = [...plan.keep.map((one) => one.id), ...plan.remove];
        expect(named.toSorted()).toEqual(list.map((one) => one.id).toSorted());
        expect(plan.keep.every((one) => one.reasons.length > 0)).toBe(true);
      }),
    );
  });

  it("never removes the last proven backup of a good release, nor its last of any kind", () => {
    fc.assert(
      fc.property(backups, good, (list, releases) => {
        const removed = new Set(planPrune(list, releases).remove);
        const left = list.filter((one) => !removed.has(one.id));
        for (const tag of releases) {
          const had = list.filter((one) => one.tag === tag);
          const has = left.filter((one) => one.tag === tag);
          expect(has.some((one) => one.proven)).toBe(had.some((one) => one.proven));
          expect(has.length > 0).toBe(had.length > 0);
        }
        expect(left.some((one) => one.proven)).toBe(list.some((one) => one.proven));
        expect(left.length > 0).toBe(list.length > 0);
      }),
    );
  });

  it("removes nothing the second time, and the order of the list does not matter", () => {
    fc.assert(
      fc.property(backups, good, (list, releases) => {
        const plan = planPrune(list, releases);
        const left = list.filter((one) => !plan.remove.includes(one.id));
        expect(planPrune(left, releases).remove).toEqual([]);
        expect(planPrune(list.toReversed(), releases)).toEqual(plan);
      }),
    );
  });

  it("never keeps more than the periods, the releases and the proven one allow", () => {
    fc.assert(
      fc.property(backups, good, (list, releases) => {
        const { daily: days, weekly, monthly } = DEFAULT_RETENTION;
        const named = list.filter((one) => one.named);
        const most = days + weekly + monthly + 2 * releases.length + 1 + named.length;
        const kept = planPrune(list, releases).keep.map((one) => one.id);
        expect(kept.length).toBeLessThanOrEqual(most);
        for (const one of named) expect(kept).toContain(one.id);
      }),
    );
  });

  it("keeps 7 days, 4 weeks and 12 months of a year of nightly backups", () => {
    const plan = planPrune(daily(366), []);
    const with_ = (reason: string) =>
      plan.keep.filter((one) => one.reasons.includes(reason)).map((one) => Number(one.id));
    expect(with_("daily")).toEqual([365, 364, 363, 362, 361, 360, 359]);
    // 2024-12-31 is a Tuesday: that week so far, and the three Sundays before it.
    expect(with_("weekly")).toEqual([365, 363, 356, 349]);
    expect(with_("monthly")).toHaveLength(12);
    expect(plan.remove.length).toBe(366 - new Set(plan.keep.map((one) => one.id)).size);
  });

  it("removes nothing after a long pause in backing up", () => {
    const old = daily(7);
    expect(planPrune(old, []).remove).toEqual([]);
  });
});
