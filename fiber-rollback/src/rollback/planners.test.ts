import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { planDeploy } from "../deploy/plan-deploy.js";
import { runPlanSchema } from "../engine/run-plan.js";
import { STEP_CATALOGUE } from "../engine/step-catalogue.js";
import type { ReleaseRecord } from "../releases/release-record.js";
import { planRestore } from "../restore/restore-plan.js";
import type {
  AppliedView,
  DatabaseView,
  PlanHead,
  ReleaseView,
  RunningView,
} from "./plan-facts.js";
import { planRollback, type RollbackFacts } from "./plan-rollback.js";
import { planUndo } from "./plan-undo.js";
import { runFactsSchema } from "./run-facts.js";

const HEAD: PlanHead = {
  id: "20261122T101500Z-rollback",
  engine: "1.0.0",
  createdAt: "2026-11-22T10:15:00.000Z",
  operator: "ama@ops-1",
  host: "ops-1",
  reason: null,
  project: "sample",
  repository: "/srv/clone",
  stateDir: "/var/lib/fiberstack/abc",
  timings: { stepMs: {}, basis: null },
};

const revision = (n: number) => String(n).padStart(4, "0");
const sum = (n: number) => String(n).padStart(64, "0");

function record(tag: string, migrations: number, more: Partial<ReleaseRecord> = {}): ReleaseRecord {
  return {
    format: 1,
    tag,
    signature: { status: "good", signer: "ops@example.net" },
    commit: "a".repeat(40),
    artefact: { kind: "folder", ref: `/state/${tag}`, digest: `sha256:${tag}`, sizeBytes: 10 },
    migrations: {
      head: migrations === 0 ? null : revision(migrations),
      files: Array.from({ length: migrations }, (_, i) => ({
        revision: revision(i + 1),
        name: `${revision(i + 1)}_step.sql`,
        upSha256: sum(i + 1),
        downSha256: sum(i + 1),
        kind: "reversible" as const,
      })),
    },
    compatibleWith: [],
    backups: [],
    baseline: null,
    status: "good",
    createdAt: "2026-11-01T10:00:00.000Z",
    liveAt: "2026-11-01T10:05:00.000Z",
    judgedAt: "2026-11-01T10:06:00.000Z",
    why: null,
    ...more,
  };
}

const applied = (n: number): readonly AppliedView[] =>
  Array.from({ length: n }, (_, i) => ({
    revision: revision(i + 1),
    title: "step",
    upSha256: sum(i + 1),
    kind: "reversible" as const,
    status: "applied" as const,
  }));

const restore = planRestore({
  nowMs: 0,
  id: "20261122T101500Z",
  source: {
    kind: "dump",
    path: "/state/backups/a.dump",
    tag: "v1",
    createdAt: null,
    identity: null,
  },
  live: {
    ...{ name: "fiberstack", oid: 1, owner: "postgres", encoding: "UTF8", collate: "C" },
    ...{ ctype: "C", head: null },
  },
  liveTables: [{ table: "samples", class: "append", rows: 12, suspect: 0, days: {} }],
  sourceTables: [{ table: "samples", class: "append", rows: 10, suspect: 0, days: {} }],
  ...{ sourceHead: null, codeHead: null, keepDays: 7, leaveSuspect: false, thenUpgrade: false },
});

const databaseArbitrary: fc.Arbitrary<DatabaseView> = fc
  .record({
    applied: fc.integer({ min: 0, max: 6 }).map(applied),
    damage: fc.constantFrom(null, null, null, "samples lost 3 rows"),
    dropped: fc.constantFrom(0, 0, 5, null),
    wayDown: fc.constantFrom<DatabaseView["wayDown"]>(
      { kind: "sound" },
      { kind: "unrecorded", revisions: ["0003"] },
      { kind: "tampered", why: "The way back of migration 0003 is not the one that was applied." },
    ),
    hasSource: fc.boolean(),
  })
  .map(({ dropped, hasSource, ...rest }) => ({
    ...rest,
    database: "fiberstack",
    oid: 1,
    sizeBytes: 1_000_000,
    loss: {
      items: [{ revision: "0003", what: "audit", rows: dropped, estimated: false }],
      nothing: dropped === 0,
      releases: ["v1"],
    },
    source: hasSource
      ? { kind: "dump" as const, path: "/state/a.dump", createdAt: "2026-11-22T10:00:00.000Z" }
      : null,
    restore: hasSource ? restore : null,
  }));

const runningArbitrary: fc.Arbitrary<RunningView> = fc.record({
  release: fc.constantFrom("v1", "v2", "dev", null),
  record: fc.constantFrom(null, record("v2", 4)),
  artefact: fc.boolean(),
  isUp: fc.boolean(),
});

const factsArbitrary: fc.Arbitrary<RollbackFacts> = fc.record({
  head: fc.constant(HEAD),
  target: fc
    .record({
      migrations: fc.integer({ min: 0, max: 6 }),
      compatible: fc.boolean(),
      artefact: fc.constantFrom("there", "gone", "unbuilt"),
      canBuild: fc.boolean(),
    })
    .map(
      ({ migrations, compatible, artefact, canBuild }): ReleaseView => ({
        record: record("v1", migrations, {
          compatibleWith: compatible
            ? [{ head: "0004", provedAt: "2026-11-22T10:00:00.000Z" }]
            : [],
        }),
        artefact: artefact as ReleaseView["artefact"],
        canBuild,
      }),
    ),
  running: runningArbitrary,
  data: fc.option(databaseArbitrary),
  restoreData: fc.boolean(),
  allowLoss: fc.boolean(),
  takesBack: fc.constantFrom(null, "20261122T101400Z-deploy"),
  build: fc.constant(["npm ci"]),
  migrations: fc.constant("migrations"),
});

const plannedOf = (facts: RollbackFacts) => {
  const planned = planRollback(facts);
  return planned.kind === "planned" ? planned.plan : null;
};
const headOf = (data: DatabaseView) => data.applied.at(-1)?.revision ?? null;

describe("a rollback's plan", () => {
  it("is what the schema of plans allows, in the catalogue's order, whatever the facts", () => {
    const order: readonly string[] = STEP_CATALOGUE.map((step) => step.id);
    fc.assert(
      fc.property(factsArbitrary, (facts) => {
        const plan = plannedOf(facts);
        if (plan === null) return;
        expect(runPlanSchema.parse(JSON.parse(JSON.stringify(plan)))).toEqual(plan);
        runFactsSchema.parse(plan.facts);
        const places = plan.steps.map((step) => order.indexOf(step.id));
        expect(places).not.toContain(-1);
        expect(places).toEqual(places.toSorted((a, b) => a - b));
        const pivots = plan.steps.filter((step) => step.kind === "pivot").map((step) => step.id);
        expect(pivots).toEqual(plan.pointOfNoReturn === null ? [] : [plan.pointOfNoReturn]);
      }),
    );
  });

  it("never goes deeper than it must", () => {
    fc.assert(
      fc.property(factsArbitrary, (facts) => {
        const plan = plannedOf(facts);
        const { data, target } = facts;
        if (plan === null || data === null) return;
        const same = headOf(data) === target.record.migrations.head;
        const proven = target.record.compatibleWith.some((one) => one.head === headOf(data));
        if (plan.level === "data") {
          const mustRestore = facts.restoreData || data.damage !== null;
          expect(mustRestore || facts.takesBack !== null).toBe(true);
          expect(data.source).not.toBeNull();
        } else {
          expect(facts.restoreData).toBe(false);
          expect(data.damage).toBeNull();
          // A failed deploy takes its migrations back too, where that costs nothing.
          const stays = same || (proven && (facts.takesBack === null || plan.level === "code"));
          expect(plan.level).toBe(stays ? "code" : "schema");
        }
      }),
    );
  });

  it("drops rows only with consent, and then names every one of them", () => {
    fc.assert(
      fc.property(factsArbitrary, (facts) => {
        const plan = plannedOf(facts);
        if (plan?.level !== "schema" || facts.data?.loss?.nothing !== false) return;
        expect(facts.allowLoss).toBe(true);
        expect(plan.loss.tables).toHaveLength(facts.data.loss.items.length);
        expect(plan.loss.tables.every((table) => table.fate === "lost")).toBe(true);
        expect(plan.steps.find((step) => step.id === "downgrade")?.loses).not.toBeNull();
      }),
    );
  });

  it("never runs a way down that is not the one that was applied", () => {
    fc.assert(
      fc.property(factsArbitrary, (facts) => {
        const plan = plannedOf(facts);
        if (facts.data?.wayDown.kind !== "tampered") return;
        expect(plan?.level).not.toBe("schema");
      }),
    );
  });

  it("changes the schema or the data under the fence only, with the writer stopped", () => {
    fc.assert(
      fc.property(factsArbitrary, (facts) => {
        const ids = plannedOf(facts)?.steps.map((step) => step.id) ?? [];
        const change = ids.findIndex((id) => id === "downgrade" || id === "swap");
        if (change < 0) return;
        const at = (id: string) => ids.indexOf(id);
        expect(at("fence")).toBeGreaterThan(0);
        expect(at("fence")).toBeLessThan(at("stop-writer"));
        expect(at("stop-writer")).toBeLessThan(change);
        expect(change).toBeLessThan(at("switch"));
        expect(at("switch")).toBeLessThan(at("lift"));
        expect(at("lift")).toBeLessThan(at("verify"));
      }),
    );
  });

  it("is refused with a reason that says what to do, never by throwing", () => {
    fc.assert(
      fc.property(factsArbitrary, (facts) => {
        const planned = planRollback(facts);
        if (planned.kind === "planned") return;
        expect(planned.code).toMatch(/^[A-Z_]+$/);
        expect(planned.why).toMatch(/fiber |git /);
      }),
    );
  });
});

describe("a deploy's plan", () => {
  const facts = (migrations: number, has: number) => ({
    head: { ...HEAD, id: "20261122T101500Z-deploy" },
    release: { record: record("v2", migrations), artefact: "unbuilt" as const, canBuild: true },
    running: { release: "v1", record: record("v1", has), artefact: true, isUp: true },
    data: {
      ...{ database: "fiberstack", oid: 1, sizeBytes: 1_000, applied: applied(has) },
      ...{ problem: null, canRecover: false },
    },
    ...{ gatesPassed: true, skipGates: null, allowUnsigned: null, allowLoss: false, dirty: [] },
    ...{ build: [], migrations: "migrations", backup: true },
  });

  it("migrates exactly when the release has migrations that the database lacks", () => {
    const counts = fc.integer({ min: 0, max: 6 });
    fc.assert(
      fc.property(counts, counts, (migrations, has) => {
        const planned = planDeploy(facts(migrations, has));
        if (has > migrations) {
          expect(planned).toMatchObject({ kind: "refused", code: "SCHEMA_AHEAD" });
          return;
        }
        if (planned.kind === "refused") throw new Error(planned.why);
        const ids = planned.plan.steps.map((step) => step.id);
        expect(ids.includes("migrate")).toBe(migrations > has);
        expect(ids.includes("restore-point")).toBe(migrations > has);
        expect(ids.includes("backup")).toBe(migrations === has);
        expect(runPlanSchema.parse(JSON.parse(JSON.stringify(planned.plan)))).toEqual(planned.plan);
      }),
    );
  });

  it("refuses a bad signature, an edited migration, a dirty clone and what runs already", () => {
    const base = facts(3, 3);
    const signed = (status: ReleaseRecord["signature"]["status"]) => ({
      ...base,
      release: {
        ...base.release,
        record: record("v2", 3, { signature: { status, signer: null } }),
      },
    });
    const edited = applied(3).map((row) => ({ ...row, upSha256: sum(9) }));
    expect(planDeploy(signed("bad"))).toMatchObject({ code: "TAG_NOT_VERIFIED" });
    expect(planDeploy(signed("unsigned"))).toMatchObject({ code: "TAG_NOT_VERIFIED" });
    expect(planDeploy({ ...signed("unsigned"), allowUnsigned: "first try" }).kind).toBe("planned");
    expect(planDeploy({ ...signed("bad"), allowUnsigned: "no" }).kind).toBe("refused");
    expect(planDeploy({ ...base, data: { ...base.data, applied: edited } })).toMatchObject({
      code: "MIGRATION_EDITED",
    });
    expect(planDeploy({ ...base, dirty: ["a.ts"] })).toMatchObject({ code: "TREE_DIRTY" });
    const running = { ...base.running, release: "v2" };
    expect(planDeploy({ ...base, running })).toMatchObject({ code: "NOTHING_TO_DEPLOY" });
  });
});

describe("an undo's plan", () => {
  it("is the same level in reverse, and refuses when something came after", () => {
    const data: DatabaseView = {
      ...{ database: "fiberstack", oid: 1, sizeBytes: 1_000, applied: applied(3), damage: null },
      ...{ loss: null, wayDown: { kind: "sound" as const }, source: null, restore: null },
    };
    const rolledBack = planRollback({
      head: HEAD,
      target: { record: record("v1", 3), artefact: "there", canBuild: true },
      running: { release: "v2", record: record("v2", 4), artefact: true, isUp: true },
      data: { ...data, applied: applied(4) },
      ...{ restoreData: false, allowLoss: false, takesBack: null, build: [], migrations: "m" },
    });
    if (rolledBack.kind === "refused") throw new Error(rolledBack.why);
    const undo = {
      head: { ...HEAD, id: "20261122T111500Z-undo" },
      undoes: rolledBack.plan,
      unverified: null,
      back: { record: record("v2", 4), artefact: "there" as const, canBuild: true },
      running: { release: "v1", record: record("v1", 3), artefact: true, isUp: true },
      ...{ data, canRecover: false, build: [], migrations: "m" },
    };
    const planned = planUndo(undo);
    if (planned.kind === "refused") throw new Error(planned.why);
    expect(planned.plan).toMatchObject({ kind: "undo", level: "schema", from: "v1", to: "v2" });
    expect(planned.plan.steps.map((step) => step.id)).toContain("migrate");
    const overtaken = { ...undo, running: { ...undo.running, release: "v3" } };
    expect(planUndo(overtaken)).toMatchObject({ code: "UNDO_OVERTAKEN" });
  });
});
