import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isOpenContact, judgeReadiness } from "./judge-readiness.js";
import type { ReadyFacts } from "./ready-facts.js";

const HOUR = 3_600_000;
const nowMs = Date.parse("2026-11-22T12:00:00Z");

/** An installation with nothing left to wish for. */
const perfect: ReadyFacts = {
  nowMs,
  running: "v1.1.0",
  target: {
    value: { tag: "v1.0.0", commit: "a".repeat(40), signature: { status: "good", why: null } },
  },
  withoutArtefact: [],
  backup: {
    provenMs: nowMs - HOUR,
    provenPath: "/b",
    objectiveMs: 26 * HOUR,
    copiedMs: nowMs - HOUR,
    problems: [],
  },
  archive: { value: { light: "green", reason: null, ageS: 20, failures: 0, waiting: 0 } },
  waysDown: { value: { revisions: [], check: { kind: "sound" }, loss: null } },
  disk: { value: { freeBytes: 9e9, neededBytes: 1e9 } },
  tools: { value: { client: "15.18", server: "15.18", setsUnknownTimeout: false } },
  rights: { value: { user: "postgres", superuser: true } },
  lock: { held: "no", by: null },
  unfinished: null,
  rehearsal: {
    id: "20261101T000000Z-rollback",
    endedMs: nowMs - 48 * HOUR,
    durationMs: 42_000,
    sampleMinutes: 0,
  },
  contacts: [{ role: "Ops On-Call", contact: "+233 20 000 0000" }],
  notify: { ways: ["slack (#fiberstack-ops)"], unusable: [] },
  hasDatabase: true,
};

const lights = (changes: Partial<ReadyFacts>) => {
  const { light, items } = judgeReadiness({ ...perfect, ...changes });
  return { light, items: items.filter((item) => item.light !== "green") };
};

it("is green, and says where to, when nothing is missing", () => {
  const readiness = judgeReadiness(perfect);
  expect(readiness.items.filter((item) => item.light !== "green")).toEqual([]);
  expect(readiness).toMatchObject({ light: "green", summary: "Yes to v1.0.0." });
  expect(readiness.items.every((item) => item.remedy === null)).toBe(true);
});

const loss = (rows: number | null) => ({
  items: [{ revision: "0007", what: "notes", rows, estimated: false }],
  nothing: rows === 0,
  releases: [],
});

describe("each thing that is not as it should be", () => {
  it.each<[string, "amber" | "red", Partial<ReadyFacts>, RegExp]>([
    ["release", "red", { target: { value: null } }, /no release but v1\.1\.0/],
    ["release", "red", { target: { value: null }, running: null }, /no release was ever/],
    ["release", "red", { target: { value: null }, withoutArtefact: ["v1.0.0"] }, /gone or changed/],
    ["release", "amber", { target: { unknown: "record broken" } }, /not known: record broken/],
    ["signature", "red", signed("bad"), /is bad/],
    ["signature", "amber", signed("unsigned"), /is unsigned/],
    ["signature", "amber", signed("unknown-key"), /unknown-key/],
    ["backup", "red", { backup: { ...perfect.backup, provenMs: null } }, /no backup was ever/],
    [
      "backup",
      "red",
      { backup: { ...perfect.backup, provenMs: nowMs - 27 * HOUR } },
      /27 h 0 min old, more than 26 h/,
    ],
    ["backup", "amber", { backup: { ...perfect.backup, problems: ["late"] } }, /late/],
    ["copy", "amber", { backup: { ...perfect.backup, copiedMs: null } }, /no backup has a copy/],
    ["copy", "amber", { backup: { ...perfect.backup, copiedMs: nowMs - 80 * HOUR } }, /80 h/],
    ["archive", "red", archive("red"), /64 segments/],
    ["archive", "amber", archive("off"), /64 segments/],
    ["archive", "amber", { archive: { unknown: "away" } }, /not known: away/],
    [
      "ways-down",
      "amber",
      waysDown({ check: { kind: "sound" }, loss: loss(1_234) }),
      /0007 drops notes \(1,234 rows\)/,
    ],
    ["ways-down", "amber", waysDown({ check: { kind: "sound" }, loss: loss(null) }), /not counted/],
    [
      "ways-down",
      "amber",
      waysDown({ check: { kind: "unrecorded", revisions: ["0007"] }, loss: loss(0) }),
      /vouches for the way down of 0007/,
    ],
    [
      "ways-down",
      "red",
      waysDown({ check: { kind: "tampered", why: "changed" }, loss: loss(0) }),
      /changed/,
    ],
    ["disk", "red", { disk: { value: { freeBytes: 1, neededBytes: 2e9 } } }, /2\.0 GB/],
    ["disk", "amber", { disk: { unknown: "far away" } }, /far away/],
    ["tools", "red", { tools: { value: { problem: "none found" } } }, /none found/],
    [
      "tools",
      "amber",
      { tools: { value: { client: "17.2", server: "15.18", setsUnknownTimeout: true } } },
      /17\.2/,
    ],
    [
      "rights",
      "amber",
      { rights: { value: { user: "app", superuser: false } } },
      /by the provider only/,
    ],
    ["lock", "red", { lock: { held: "yes", by: '"fiber restore" runs' } }, /fiber restore/],
    [
      "lock",
      "red",
      { unfinished: { id: "20261122T101500Z-deploy", running: false } },
      /begun and not ended/,
    ],
    ["rehearsal", "amber", { rehearsal: null }, /no rollback was ever finished/],
    ["contacts", "amber", { contacts: [{ role: "Lead", contact: "TBD" }] }, /Lead/],
    ["contacts", "amber", { contacts: [] }, /names nobody/],
    ["notify", "amber", { notify: { ways: [], unusable: [] } }, /nobody would be told/],
    ["notify", "amber", { notify: { ways: ["slack"], unusable: ["smtp: X is not set"] } }, /smtp/],
  ])("%s is %s", (id, light, changes, reason) => {
    const found = lights(changes);
    expect(found.light).toBe(light);
    expect(found.items.map((item) => item.id)).toEqual([id]);
    expect(found.items[0]?.reason).toMatch(reason);
    expect(found.items[0]?.remedy).toBeTruthy();
  });

  it("a lock whose holder is gone is in nobody's way", () => {
    expect(lights({ lock: { held: "stale", by: "a dead run" } }).light).toBe("green");
  });

  it("a project without a database is not asked for backups", () => {
    const backup = { ...perfect.backup, provenMs: null, copiedMs: null };
    expect(lights({ hasDatabase: false, backup }).light).toBe("green");
  });
});

it("is as bad as its worst item, whatever else holds", () => {
  fc.assert(
    fc.property(fc.boolean(), fc.boolean(), fc.boolean(), (noRelease, noCopy, tbd) => {
      const { light, items, summary } = judgeReadiness({
        ...perfect,
        ...(noRelease ? { target: { value: null } } : {}),
        ...(noCopy ? { backup: { ...perfect.backup, copiedMs: null } } : {}),
        ...(tbd ? { contacts: [] } : {}),
      });
      expect(light).toBe(noRelease ? "red" : noCopy || tbd ? "amber" : "green");
      expect(summary.startsWith(noRelease ? "Not now" : "Yes")).toBe(true);
      for (const item of items) expect(item.remedy === null).toBe(item.light === "green");
    }),
  );
});

it.each([
  ["TBD", true],
  [" tbd ", true],
  ["?", true],
  ["", true],
  ["-", true],
  ["nathaniellamptey17@gmail.com", false],
  ["+233 20 000 0000", false],
])("knows whether %j is still to be named: %s", (contact, open) => {
  expect(isOpenContact(contact)).toBe(open);
});

function signed(status: string): Partial<ReadyFacts> {
  return { target: { value: { tag: "v1.0.0", commit: "a", signature: { status, why: null } } } };
}

function archive(light: "red" | "off"): Partial<ReadyFacts> {
  const reason = "64 segments wait";
  return { archive: { value: { light, reason, ageS: null, failures: 1, waiting: 64 } } };
}

function waysDown(
  changes: Partial<Extract<ReadyFacts["waysDown"], { value: unknown }>["value"]>,
): Partial<ReadyFacts> {
  const value = { revisions: ["0007"], check: { kind: "sound" } as const, loss: null };
  return { waysDown: { value: { ...value, ...changes } } };
}
