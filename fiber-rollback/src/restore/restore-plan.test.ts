import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { planRestore, planSteps, type RestoreFacts, restorePlanSchema } from "./restore-plan.js";

const facts = (more: Partial<RestoreFacts> = {}): RestoreFacts => ({
  nowMs: Date.UTC(2026, 10, 22, 10, 15),
  id: "20261122T101500Z",
  source: { kind: "dump", path: "/b/x.dump", tag: "v1", createdAt: null, identity: null },
  live: {
    name: "fiberstack",
    oid: 5,
    owner: "postgres",
    encoding: "UTF8",
    collate: "C",
    ctype: "C",
    head: "0005",
  },
  liveTables: [],
  sourceTables: [],
  sourceHead: "0005",
  codeHead: "0005",
  keepDays: 7,
  leaveSuspect: false,
  thenUpgrade: false,
  ...more,
});
const table = fc.record({
  table: fc.constantFrom("nodes", "samples", "extra"),
  class: fc.constantFrom("append" as const, "state" as const, "derived" as const, null),
  rows: fc.nat(),
  suspect: fc.nat(),
  days: fc.dictionary(fc.constantFrom("d1", "d2", "d3"), fc.nat()),
});

describe("planRestore", () => {
  it("names databases by the run's time and keeps the old one for the days asked for", () => {
    expect(planRestore(facts())).toMatchObject({
      restored: "fiberstack_r20261122101500",
      quarantine: "fiberstack_q20261122101500",
      keepUntil: "2026-11-29T10:15:00.000Z",
      warnings: [],
    });
  });

  it("counts what is carried over day by day", () => {
    const samples = (days: Record<string, number>, rows: number) =>
      [{ table: "samples", class: "append" as const, rows, suspect: 0, days }] as const;
    const plan = planRestore(
      facts({
        liveTables: samples({ d1: 10, d2: 30 }, 40),
        sourceTables: samples({ d1: 50, d2: 5 }, 55),
      }),
    );
    expect(plan.tables[0]).toMatchObject({ restored: 55, live: 40, carried: 25 });
  });

  it("says what the API will answer when an older schema comes back, and when one is held", () => {
    expect(planRestore(facts({ sourceHead: "0004" })).warnings.join()).toMatch(/SCHEMA_BEHIND/);
    expect(planRestore(facts({ sourceHead: "0006" })).warnings.join()).toMatch(/SCHEMA_AHEAD/);
    expect(planRestore(facts({ sourceHead: "0004", thenUpgrade: true })).warnings).toEqual([]);
  });

  it("is always a plan that can be stored and read back, with one pivot near its end", () => {
    fc.assert(
      fc.property(fc.array(table), fc.option(fc.array(table)), (liveTables, sourceTables) => {
        const plan = planRestore(facts({ liveTables, sourceTables }));
        expect(restorePlanSchema.parse(JSON.parse(JSON.stringify(plan)))).toEqual(plan);
        expect(plan.tables.every((one) => one.carried >= 0)).toBe(true);
      }),
    );
    for (const kind of ["dump", "recovery", "quarantine"] as const) {
      const steps = planSteps(kind, true).map((step) => step.id);
      expect(steps.slice(-5)).toEqual(["carry", "fence", "switch", "lift", "report"]);
    }
  });
});
