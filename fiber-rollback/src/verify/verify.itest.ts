import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { issueToken } from "#db";
import { systemClock } from "#runtime";
import { createTestDatabase, type TestDatabase } from "#testkit";
import { observeBefore } from "./observe-before.js";
import { recordBaseline } from "./record-baseline.js";
import { runVerification } from "./run-verification.js";
import { bareContext, serve, startReleasedApi } from "./verify.itest-kit.js";
import type { GateStanding, VerifyContext } from "./verify-context.js";
import { verifySpecSchema } from "./verify-spec.js";

const log = pino({ level: "silent" });
let db: TestDatabase;
let api: Awaited<ReturnType<typeof startReleasedApi>>;
let token: string;

beforeAll(async () => {
  db = await createTestDatabase();
  api = await startReleasedApi(db, "v1.0.0");
  ({ token } = await issueToken(db.pool, { role: "admin", label: "test" }));
  // The log connects by itself.
  while ((await push("probe-first", Date.now())).status === 503) await systemClock.sleep(100);
});
afterAll(async () => {
  await api.stop();
  await db.drop();
});

function push(nodeId: string, timestamp: number, fields: Record<string, unknown> = {}) {
  const round = { node_id: nodeId, country: "GH", region: "Accra", timestamp };
  const summary = { ...round, latency_ms: 20, uptime_pct: 100, packet_loss: 0 };
  const target = { ...summary, target: "192.0.2.1", check: "icmp", ...fields };
  return fetch(`${api.url}/api/push`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify([summary, target]),
  });
}

const context = (changes: Partial<VerifyContext> = {}): VerifyContext => ({
  ...bareContext({ FIBER_API_URL: api.url }),
  db: db.pool,
  token,
  ...changes,
});
const gates = (...list: object[]) =>
  verifySpecSchema.parse(
    list.map((one) => ({ title: (one as { id: string }).id, within_s: 2, ...one })),
  );

describe("the release's own gates, on a real API", () => {
  it("hold once every awaited probe has measured after the switch", async () => {
    const before = await observeBefore({ db: db.pool, clock: systemClock, log });
    expect(before?.probes.map((probe) => probe.nodeId)).toEqual(["probe-first"]);
    const { rows } = await db.pool.query("SELECT max(revision) AS head FROM fiber_migrations");
    const seen: (readonly GateStanding[])[] = [];
    const since = Date.now();
    let pushed = false;
    const outcome = await runVerification(
      gates(
        { id: "status", kind: "fiber-status", within_s: 30 },
        { id: "probes", kind: "fiber-probes", within_s: 30 },
        { id: "ingest", kind: "fiber-ingest", within_s: 30 },
        { id: "errors", kind: "fiber-errors", within_s: 30, limit: { window_s: 1 } },
        { id: "targets", kind: "fiber-targets", within_s: 30 },
      ),
      context({
        before,
        sinceMs: since,
        expected: { release: "v1.0.0", migration: rows[0].head },
      }),
      (standings) => {
        seen.push(standings);
        if (!pushed && standings.some((one) => one.waitsFor === "probe-first")) {
          pushed = true;
          void push("probe-first", Date.now());
        }
      },
    );
    const blocking = outcome.gates.filter((gate) => gate.blocking);
    expect(blocking.map((gate) => [gate.id, gate.verdict, gate.waitsFor])).toEqual([
      ["status", "good", null],
      ["probes", "good", null],
      ["ingest", "good", null],
      ["errors", "good", null],
    ]);
    expect(outcome.verdict).toBe("passed");
    expect(pushed).toBe(true);
    const waiting = seen.flat().find((one) => one.id === "probes" && one.verdict === "waiting");
    expect(waiting).toMatchObject({ value: "0 of 1 probes report again" });
  });

  it("fail on another release, another schema and a silent probe, each with its value", async () => {
    const outcome = await runVerification(
      gates({ id: "status", kind: "fiber-status" }, { id: "probes", kind: "fiber-probes" }),
      context({
        expected: { release: "v2.0.0", migration: null },
        sinceMs: Date.now() + 60_000,
        before: {
          observedAt: new Date().toISOString(),
          probes: [{ nodeId: "probe-gone", region: "Lagos", intervalMs: 1_000 }],
          targets: [],
        },
      }),
    );
    expect(outcome).toMatchObject({ verdict: "failed" });
    expect(outcome.summary).toMatch(
      /^status: release v1\.0\.0 answers; not good yet: probes: 0 of \d probes report again$/,
    );
    const schema = await runVerification(
      gates({ id: "status", kind: "fiber-status" }),
      context({ expected: { release: "v1.0.0", migration: "9999" } }),
    );
    expect(schema.gates[0]).toMatchObject({ verdict: "failed", waitsFor: "migration 9999" });
    // A gate that knows its probes' interval gives them time: longer than its own two seconds.
    const probes = await runVerification(
      gates({ id: "probes", kind: "fiber-probes" }),
      context({
        sinceMs: Date.now() + 60_000,
        before: {
          observedAt: new Date().toISOString(),
          probes: [{ nodeId: "probe-gone", region: "Lagos", intervalMs: 1_000 }],
          targets: [],
        },
      }),
    );
    expect(probes.gates[0]?.waitsFor).toContain("probe-gone");
    expect(probes.durationMs).toBeGreaterThan(6_000);
  });

  it("asks a first release for probes at all, and a known one for as many a region", async () => {
    await push("probe-first", Date.now());
    // Nobody reported in the 15 minutes before a run that began a day ago.
    const longAgo = { runStartedMs: Date.now() - 86_400_000, sinceMs: Date.now() - 60_000 };
    const spec = gates({ id: "probes", kind: "fiber-probes" });
    const first = await runVerification(spec, context(longAgo));
    expect(first.gates[0]).toMatchObject({ verdict: "good", value: "1 probes report" });
    const baseline = {
      recordedAt: new Date().toISOString(),
      probesByRegion: { Accra: 1, Lagos: 2 },
      ingestLagS: 0,
      errorRate: 0,
      readP95Ms: 1,
    };
    const short = runVerification(spec, { ...context(longAgo), baseline });
    expect((await short).gates[0]).toMatchObject({ verdict: "failed", waitsFor: "2 in Lagos" });
  });
});

describe("what is only shown", () => {
  const far = {
    observedAt: new Date().toISOString(),
    probes: [],
    targets: [{ nodeId: "probe-first", target: "192.0.2.1", check: "icmp", rttMs: 20, lossPct: 0 }],
  };
  const spec = () =>
    gates(
      { id: "ok", kind: "http", url: "$FIBER_API_URL/health" },
      { id: "targets", kind: "fiber-targets" },
    );

  it("never decides, unless the probe's own code changed", async () => {
    const sinceMs = Date.now();
    await push("probe-first", sinceMs + 1, { packet_loss: 60, latency_ms: 300 });
    const shown = await runVerification(spec(), context({ before: far, sinceMs }));
    expect(shown.verdict).toBe("passed");
    expect(shown.gates[1]).toMatchObject({ blocking: false });
    expect(shown.gates[1]?.value).toContain("loss 0.0 → 60.0 %");
    const deciding = await runVerification(
      spec(),
      context({ before: far, sinceMs, probeCodeChanged: true }),
    );
    expect(deciding).toMatchObject({ verdict: "failed" });
    expect(deciding.summary).toContain("probe-first → 192.0.2.1 loss 0.0 → 60.0 %");
  });
});

describe("gates of any project", () => {
  it("a URL by status and text, a command by its exit code", async () => {
    const outcome = await runVerification(
      gates(
        { id: "url", kind: "http", url: "$FIBER_API_URL/api/status", expect: { contains: "$R" } },
        { id: "command", kind: "command", run: 'test "$R" = v1.0.0' },
      ),
      { ...bareContext({ FIBER_API_URL: api.url, R: "v1.0.0" }) },
    );
    expect(outcome.verdict).toBe("passed");
  });

  it("what cannot be measured has failed", async () => {
    const outcome = await runVerification(
      gates(
        { id: "errors", kind: "fiber-errors" },
        { id: "unset", kind: "http", url: "$NOWHERE/health" },
        { id: "probes", kind: "fiber-probes" },
      ),
      bareContext({ FIBER_API_URL: "http://127.0.0.1:1" }),
    );
    expect(outcome.verdict).toBe("failed");
    const verdicts = outcome.gates.map((gate) => gate.verdict);
    expect(verdicts).toContain("unmeasurable");
    expect(verdicts).not.toContain("good");
    expect(outcome.gates[1]?.value).toContain("needs NOWHERE, which is not set");
  });

  it("a release that answers well and then dies does not hold", async () => {
    let asked = 0;
    const dying = await serve((_request, response) => {
      asked++;
      response.writeHead(asked > 2 ? 500 : 200).end("{}");
    });
    try {
      const outcome = await runVerification(
        gates({ id: "up", kind: "http", url: "$URL/", hold_s: 4, within_s: 3 }),
        bareContext({ URL: dying.url }),
      );
      expect(outcome).toMatchObject({ verdict: "failed" });
      expect(outcome.gates[0]?.value).toContain("answers 500");
    } finally {
      await dying.stop();
    }
  });

  it("counts 5xx of the API by its own counters", async () => {
    let total = 100;
    const failing = await serve((request, response) => {
      if (request.url !== "/metrics") return response.writeHead(500).end();
      total += 10;
      return response.end(
        [
          "# TYPE fiber_http_request_duration_seconds histogram",
          "process_start_time_seconds 1",
          `fiber_http_request_duration_seconds_count{method="GET",route="/api/status",status="500"} ${total}`,
          `fiber_http_request_duration_seconds_count{method="GET",route="/health",status="200"} ${total}`,
        ].join("\n"),
      );
    });
    try {
      const outcome = await runVerification(
        gates({ id: "errors", kind: "fiber-errors", limit: { window_s: 1 } }),
        bareContext({ FIBER_API_URL: failing.url }),
      );
      expect(outcome.gates[0]).toMatchObject({ verdict: "failed" });
      expect(outcome.gates[0]?.value).toMatch(/\(50\.0 %\)/);
    } finally {
      await failing.stop();
    }
  });
});

it("ends at once when it is told to", async () => {
  const stop = new AbortController();
  const running = runVerification(
    gates({ id: "never", kind: "http", url: "$FIBER_API_URL/nothing", within_s: 600 }),
    { ...context(), signal: stop.signal },
    () => stop.abort(),
  );
  await expect(running).rejects.toMatchObject({ code: "ABORTED" });
});

it("records what is measured as the baseline, and null where nothing is", async () => {
  await push("probe-first", Date.now());
  const baseline = await recordBaseline({
    apiUrl: api.url,
    token,
    db: db.pool,
    clock: systemClock,
  });
  expect(baseline).toMatchObject({ probesByRegion: { Accra: 1 }, ingestLagS: 0 });
  expect(baseline.errorRate).toBeGreaterThanOrEqual(0);
  expect(baseline.readP95Ms).toBeGreaterThan(0);
  const away = { apiUrl: "http://127.0.0.1:1", token: null, db: null, clock: systemClock };
  expect(await recordBaseline(away)).toMatchObject({
    probesByRegion: {},
    ingestLagS: null,
    errorRate: null,
    readP95Ms: null,
  });
});
