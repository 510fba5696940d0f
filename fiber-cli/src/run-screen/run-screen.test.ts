import { stripVTControlCharacters } from "node:util";
import { describe, expect, it } from "vitest";
import type { RunPlan, RunRecord } from "#rollback";
import { createRunScreen } from "./create-run-screen.js";
import { describeOutcome } from "./describe-outcome.js";
import { describePlan, inWords, shellWords } from "./describe-plan.js";
import { standingLines } from "./standing-lines.js";

const step = (id: string, title: string, commands: string[][] = []) => ({
  ...{ id, title, commands, kind: "reversible" as const, loses: null },
});
const plan: RunPlan = {
  ...{ format: 1, id: "20261122T101500Z-rollback", kind: "rollback", engine: "1.0.0" },
  ...{ createdAt: "2026-11-22T10:15:00.000Z", operator: "ama@ops", host: "ops", reason: null },
  ...{ project: "sample", repository: "/srv/clone", from: "v2", to: "v1", level: "schema" },
  why: "the database is at 0005, v1 works with 0004",
  steps: [
    step("preflight", "Check that the run can be done", [["git", "verify-tag", "it's v1"]]),
    step("verify", "Verify by the probes"),
  ],
  loss: {
    statement: "Lost for good: 3 rows of audit.",
    tables: [{ table: "audit", rows: 3, fate: "lost", how: "dropped by the way down of 0005" }],
    sampleMinutes: null,
  },
  outage: { readsMs: 90, ingestMs: 4_000, basis: "the last run" },
  estimate: { ms: 61_000, basis: "the last run" },
  ...{ pointOfNoReturn: "downgrade", warnings: ["v1 has never run here."], facts: {} },
};

/** A stream that keeps what was written. */
function paper(isTTY: boolean) {
  let text = "";
  const stream = {
    isTTY,
    columns: 60,
    write: (chunk: string) => {
      text += chunk;
      return true;
    },
  } as unknown as NodeJS.WriteStream;
  return { stream, text: () => text };
}

describe("a plan for people", () => {
  it("says level and reason, loss in rows, outage, the way back and every command", () => {
    const text = describePlan(plan, paper(false).stream);
    for (const part of [
      "Roll back v2 → v1",
      "schema, because the database is at 0005",
      "3 rows of audit",
      "reads about 90 ms, ingest about 4 s",
      "until step downgrade: fiber rollback abort",
      "v1 has never run here.",
      "git verify-tag 'it'\\''s v1'",
    ]) {
      expect(text).toContain(part);
    }
    expect(text).not.toContain("\u001b");
  });

  it("words durations and commands", () => {
    expect([inWords(9), inWords(999), inWords(61_000)]).toEqual(["9 ms", "999 ms", "1 min 1 s"]);
    expect(shellWords(["sh", "-c", "a b", "--x=1"])).toBe("sh -c 'a b' --x=1");
  });
});

describe("a run's screen", () => {
  const clock = { now: () => 0 };
  const follow = (isTTY: boolean) => {
    const { stream, text } = paper(isTTY);
    const screen = createRunScreen(plan, { stream, clock });
    const base = {
      step: "preflight",
      title: "Check that the run can be done",
      part: "forward" as const,
    };
    screen.observe({ ...base, event: "intent" });
    screen.standing("preflight", {
      gates: [
        { id: "api", title: "The API runs", verdict: "waiting", value: "503", waitsFor: "200" },
      ],
    });
    screen.observe({ ...base, event: "failed", detail: { message: "no", durationMs: 1_200 } });
    screen.end();
    return text();
  };

  it("writes plain lines where there is no terminal", () => {
    const text = follow(false);
    expect(text.split("\n")).toEqual([
      "Check that the run can be done …",
      expect.stringMatching(/FAILED \(1 s\): no$/),
      "",
    ]);
    expect(text).not.toContain("\u001b");
  });

  it("draws a list on a terminal, no line wider than it, and without colour when NO_COLOR is set", () => {
    process.env.NO_COLOR = "1";
    try {
      const text = follow(true);
      expect(text).toContain("$ git verify-tag");
      expect(text).toContain("x Check that the run can be done");
      // No colours; the cursor may move three lines up.
      expect(text.split("\u001b[").filter((rest) => /^3\dm/.test(rest))).toEqual([]);
      for (const line of text.split("\n")) {
        expect(stripVTControlCharacters(line).length).toBeLessThanOrEqual(60);
      }
    } finally {
      delete process.env.NO_COLOR;
    }
  });

  it("tells how gates, builds and migrations stand", () => {
    const gate = { id: "probes", title: "Probes report", verdict: "waiting", value: "2 of 3" };
    expect(standingLines({ gates: [{ ...gate, waitsFor: "probe-ng" }] })).toEqual([
      "- Probes report: 2 of 3, waits for probe-ng",
    ]);
    expect(standingLines({ phase: "build", line: "npm ci" })).toEqual(["build: npm ci"]);
    expect(standingLines({ revision: "0005", title: "audit" })).toEqual(["0005 audit"]);
    expect(standingLines({})).toEqual([]);
  });
});

describe("the final screen", () => {
  const done = (id: string, detail: Record<string, unknown>) => ({
    ...{
      id,
      title: id,
      state: "done" as const,
      startedAt: null,
      durationMs: 5,
      detail,
      error: null,
    },
  });
  const run: RunRecord = {
    ...{ plan, state: "done", resumable: false, startedAt: "", endedAt: "", durationMs: 61_000 },
    ...{ outcome: "rollback to v1 done", failure: null },
    steps: [done("switch", { gapMs: 12 }), done("report", { incident: plan.id })],
  };

  it("says what happened, what was lost, how to undo it and where the report is", () => {
    const text = describeOutcome(run, "/state");
    expect(text).toContain("v1 runs and is verified.");
    expect(text).toContain("Lost for good: 3 rows of audit.");
    expect(text).toContain("at most 12 ms without answers");
    expect(text).toContain("fiber rollback undo");
    expect(text).toContain(`/state/incidents/${plan.id}/report.md`);
  });

  it("says so when a deploy took itself back, and why", () => {
    const failure = { step: "verify", code: "VERIFY_FAILED", message: "the API answers 500" };
    const text = describeOutcome(
      {
        ...run,
        ...{
          plan: { ...plan, kind: "deploy", to: "v2", from: "v1" },
          state: "taken-back",
          failure,
        },
        takenBackBy: { plan, steps: run.steps },
      },
      "/state",
    );
    expect(text).toContain("v2 failed and was taken back by itself: v1 runs and is verified.");
    expect(text).toContain("the API answers 500");
    expect(text).toContain("nothing is left to undo");
  });
});
