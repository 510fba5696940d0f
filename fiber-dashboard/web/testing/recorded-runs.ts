import type { ReadinessView, RunStepView, RunSummary, RunView } from "#contracts";
import type { FleetName } from "./recorded-fleet.js";

/** GET /api/readiness as an agent answered it. */
export function recordedReadiness(fleet: FleetName, nowMs: number): ReadinessView {
  const item = (id: string, title: string, reason: string) =>
    ({ id, title, light: "green", reason, remedy: null }) as const;
  const good = [
    item(
      "release",
      "A release to go back to",
      "v1.0.0-mvp was found good, and what it was built into is there",
    ),
    item("signature", "Its tag's signature", "the signature of v1.0.0-mvp verifies"),
    item("backup", "A proven backup", "the newest proven backup is 3 h 12 min old"),
    item("archive", "The WAL archive", "archiving works, last 42 s ago"),
    item("ways-down", "Every migration's way down", "0005: a way down that keeps every row"),
    item("disk", "Room for a restore beside", "48 GB free, a restore beside needs about 1.2 GB"),
    item("tools", "Client programs", "PostgreSQL's 15.18 for a server 15.18"),
    item("rights", "Rights to swap databases", "postgres may rename databases and end sessions"),
    item("lock", "Nothing else in the way", "the lock is free"),
    item(
      "rehearsal",
      "The last time it was done",
      "20261101T090000Z-rollback took 42 s (RTO); no sample was lost (RPO)",
    ),
    item("notify", "People who are told", "slack (#fiberstack-ops)"),
  ];
  const checked_at = new Date(nowMs - 4_000).toISOString();
  if (fleet === "calm") {
    return { light: "green", summary: "Yes to v1.0.0-mvp.", checked_at, items: good };
  }
  return {
    light: "amber",
    summary: "Yes to v1.0.0-mvp, but look at: a copy elsewhere, somebody to call.",
    checked_at,
    items: [
      ...good,
      {
        id: "copy",
        title: "A copy elsewhere",
        light: "amber",
        reason: "no backup has a copy elsewhere: a lost disk takes them all",
        remedy: "set FIBER_BACKUP_COPY_TO to a folder or a command, or: fiber backup copy",
      },
      {
        id: "contacts",
        title: "Somebody to call",
        light: "amber",
        reason: "still to be named: Ops On-Call",
        remedy: "write them into contacts of fiber.yaml",
      },
    ],
  };
}

/** A rollback that goes on, a deploy that was taken back, and one that went well. */
export function recordedRuns(nowMs: number): readonly RunView[] {
  const base = {
    from: "v1.0.0-mvp",
    to: "v1.1.0-mvp",
    level: "code" as const,
    operator: "ama@ops-1",
    host: "ops-1",
    reason: null,
    resumable: false,
    why: "the schema is the same",
    loss: "Nothing is lost.",
    estimate_ms: 42_000,
    point_of_no_return: null,
    warnings: [],
    taken_back_by: null,
  };
  const at = (agoMs: number) => new Date(nowMs - agoMs).toISOString();
  const failed = "probes: 1 of 3 probes report again";
  return [
    {
      ...base,
      id: "20261122T114000Z-rollback",
      kind: "rollback",
      state: "running",
      resumable: true,
      from: "v1.1.0-mvp",
      to: "v1.0.0-mvp",
      reason: "API answers 500",
      started_at: at(21_000),
      ended_at: null,
      duration_ms: 21_000,
      outcome: null,
      step: "Verify by the probes",
      steps: rollbackSteps(nowMs),
    },
    {
      ...base,
      id: "20261122T101500Z-deploy",
      kind: "deploy",
      state: "taken-back",
      started_at: at(5_100_000),
      ended_at: at(4_970_000),
      duration_ms: 130_000,
      outcome: `deploy to v1.1.0-mvp failed and was taken back: step verify: ${failed}`,
      step: null,
      steps: [
        step("artefact", "Build the release, or find it built", "done", 31_000),
        step("switch", "Switch to the release", "done", 900),
        {
          ...step("verify", "Verify by the probes", "failed", 90_000),
          error: { code: "VERIFY_FAILED", message: failed },
        },
      ],
      taken_back_by: {
        why: "the schema is the same",
        level: "code",
        steps: [
          step("switch", "Switch to the release", "done", 800),
          step("verify", "Verify by the probes", "done", 27_000),
        ],
      },
    },
    {
      ...base,
      id: "20261121T080000Z-deploy",
      kind: "deploy",
      state: "done",
      from: null,
      to: "v1.0.0-mvp",
      started_at: at(100_000_000),
      ended_at: at(99_900_000),
      duration_ms: 100_000,
      outcome: "deploy to v1.0.0-mvp done",
      step: null,
      steps: [step("verify", "Verify by the probes", "done", 27_000)],
    },
  ];
}

function rollbackSteps(nowMs: number): RunStepView[] {
  return [
    step("preflight", "Check that the run can be done", "done", 400),
    step("artefact", "Build the release, or find it built", "done", 120),
    step("maintenance", "Open maintenance: alerts are muted", "done", 30),
    step("switch", "Switch to the release", "done", 860),
    {
      ...step("verify", "Verify by the probes", "running", null),
      started_at: new Date(nowMs - 19_000).toISOString(),
      detail: {
        gates: [
          gate(
            "The API runs the expected release",
            "waiting",
            "ok, release v1.0.0-mvp, migration 0005",
            "6 s more without a break",
          ),
          gate(
            "Every probe reports again",
            "waiting",
            "2 of 3 probes report again",
            "probe-ke-nairobi",
          ),
          gate("Ingest keeps up", "good", "lag 0.0 s, 0 waiting", null),
          gate(
            "The dashboard answers and renders",
            "good",
            "the page and its 14 files are whole",
            null,
          ),
        ],
      },
    },
    step("record", "Record the outcome with the release", "waiting", null),
    step("end-maintenance", "Close maintenance", "waiting", null),
    step("report", "Open the incident and notify", "waiting", null),
  ];
}

function step(
  id: string,
  title: string,
  state: RunStepView["state"],
  duration_ms: number | null,
): RunStepView {
  return { id, title, state, started_at: null, duration_ms, detail: null, error: null };
}

function gate(title: string, verdict: string, value: string, waitsFor: string | null) {
  return { title, verdict, value, waitsFor };
}

/** What GET /api/runs keeps of a run. */
export function toSummary(run: RunView): RunSummary {
  const { host: _, why: _w, loss: _l, estimate_ms: _e, ...rest } = run;
  const { point_of_no_return: _p, warnings: _n, steps: _s, taken_back_by: _t, ...summary } = rest;
  return summary;
}
