import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "#runtime";
import {
  createTestDatabase,
  createTestRepository,
  type TestDatabase,
  type TestRepository,
} from "#testkit";
import { openJournal } from "../engine/journal.js";
import type { RunPlan } from "../engine/run-plan.js";
import { journalPath, storePlan } from "../engine/run-store.js";
import { createGit } from "../git/run-git.js";
import { notifySpecSchema } from "../notify/notify-spec.js";
import { checkIncidentItem, closeIncident } from "./checklist.js";
import { listIncidents, readIncident } from "./incident-file.js";
import { type ReportPorts, reportRun, resendNotices } from "./report-run.js";

const log = pino({ level: "silent" });
const clock = { ...systemClock, sleep: async () => {} };
const hand = { operator: "ama@ops-1", nowMs: Date.now() };
let db: TestDatabase;
let repository: TestRepository;
let stateDir: string;
let hook: { url: string; bodies: string[]; status: number; stop(): Promise<void> };

beforeAll(async () => {
  db = await createTestDatabase();
  repository = createTestRepository();
  repository.commit("Begin", { "readme.md": "hello" });
  repository.git("tag", "v1.0.0");
  repository.commit("Reword the readme", { "readme.md": "hello you" });
  repository.commit("Answer | faster", { "fiber-api/src/answer.ts": "throw new Error();" });
  repository.git("tag", "v1.1.0");
  hook = await startHook();
  await addSamples();
});
afterAll(async () => {
  await hook.stop();
  repository.remove();
  await db.drop();
});
beforeEach(() => {
  stateDir = mkdtempSync(join(tmpdir(), "fiber-incident-"));
  hook.bodies.length = 0;
  hook.status = 200;
  return () => rmSync(stateDir, { recursive: true });
});

async function startHook() {
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    found.bodies.push(body);
    response.writeHead(found.status).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const found = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    bodies: [] as string[],
    status: 200,
    stop: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
  return found;
}

/** One probe, a round every 10 s for 20 minutes, silent from the 12th to the 14th minute. */
async function addSamples() {
  await db.pool.query("CREATE TABLE samples_all PARTITION OF samples DEFAULT");
  await db.pool.query(
    "INSERT INTO nodes (node_id, country, region) VALUES ('probe-gh-accra', 'GH', 'Accra')",
  );
  await db.pool.query("INSERT INTO series (node_id) VALUES ('probe-gh-accra')");
  await db.pool.query(
    `INSERT INTO samples (series_id, time, latency_ms, packet_loss, uptime_pct)
     SELECT (SELECT max(series_id) FROM series), now() - i * interval '10 seconds',
            20 + i % 7, CASE WHEN i BETWEEN 85 AND 90 THEN 40 ELSE 0 END, 100
     FROM generate_series(0, 120) i WHERE i NOT BETWEEN 36 AND 48`,
  );
}

const ports = (changes: Partial<ReportPorts> = {}): ReportPorts => ({
  stateDir,
  project: {
    name: "fiberstack-lite",
    contacts: [{ role: "Ops On-Call", contact: "TBD" }],
    notify: notifySpecSchema.parse({ webhook: {} }),
  },
  db: db.pool,
  git: createGit(repository.folder),
  clock,
  log,
  env: { FIBER_NOTIFY_WEBHOOK: hook.url, FIBER_NOTIFY_SECRET: "k".repeat(32) },
  ...changes,
});

const ID = "20261122T101500Z-deploy";
const step = (id: string, title: string, commands: string[][] = []) =>
  ({ id, title, kind: "reversible", commands, loses: null }) as const;

function planOf(changes: Partial<RunPlan>): RunPlan {
  return {
    format: 1,
    id: ID,
    kind: "deploy",
    engine: "1.0.0",
    createdAt: new Date().toISOString(),
    operator: "ama@ops-1",
    host: "ops-1",
    reason: null,
    project: "fiberstack-lite",
    repository: repository.folder,
    from: "v1.0.0",
    to: "v1.1.0",
    level: "code",
    why: "the schema is the same",
    steps: [
      step("switch", "Switch to v1.1.0", [["fiber", "up"]]),
      step("verify", "Verify by the probes"),
    ],
    loss: { statement: "Nothing is lost.", tables: [], sampleMinutes: null },
    outage: { readsMs: 0, ingestMs: 0, basis: "guess" },
    estimate: { ms: 0, basis: "guess" },
    pointOfNoReturn: null,
    warnings: [],
    facts: {},
    ...changes,
  };
}

/** A deploy whose verification failed, and the plan that took it back. */
async function writeRun(backVerified = true) {
  await storePlan(stateDir, { id: ID, plan: planOf({}), file: "plan.json" });
  const back = planOf({
    kind: "rollback",
    from: "v1.1.0",
    to: "v1.0.0",
    steps: [step("switch", "Switch to v1.0.0"), step("verify", "Verify by the probes")],
  });
  await storePlan(stateDir, { id: ID, plan: back, file: "plan-back.json" });
  const journal = await openJournal(journalPath(stateDir, ID));
  const started = { command: ["fiber", "api", "--release", "v1.1.0"], exitCode: 0 };
  await journal.write({ event: "begin", detail: {} });
  await journal.write({ event: "intent", step: "switch" });
  const detail = { durationMs: 900, commands: [started] };
  await journal.write({ event: "done", step: "switch", detail });
  await journal.write({ event: "intent", step: "verify" });
  const message = "API: http://127.0.0.1:8000/api/status answers 500 INTERNAL";
  const failed = { code: "VERIFY_FAILED", message, durationMs: 90_000 };
  await journal.write({ event: "failed", step: "verify", detail: failed });
  await journal.write({ event: "taking-back", detail: {} });
  await journal.write({ event: "intent", step: "switch" });
  await journal.write({ event: "done", step: "switch", detail: { durationMs: 300 } });
  await journal.write({ event: "intent", step: "verify" });
  const gates = [{ title: "API", verdict: "good", value: "ok, release v1.0.0" }];
  if (backVerified) await journal.write({ event: "done", step: "verify", detail: { gates } });
  else await journal.write({ event: "failed", step: "verify", detail: failed });
  await journal.close();
}

describe("an incident", () => {
  it("tells what happened, what the probes saw, who is suspected, and what is left to do", async () => {
    await writeRun();
    const report = await reportRun(ports(), ID);
    expect(report.notified).toMatchObject([{ way: "webhook", state: "sent" }]);
    const incident = await readIncident(stateDir, ID);
    expect(incident).toMatchObject({
      severity: "resolved",
      title: "Deploy of v1.1.0 failed at verify; v1.0.0 serves again",
    });
    expect(incident.cause.suspects.map((one) => [one.subject, one.why])).toEqual([
      ["Answer | faster", "changes the API"],
      ["Reword the readme", null],
    ]);
    expect(incident.commands).toMatchObject([
      { command: "fiber api --release v1.1.0", exitCode: 0 },
    ]);
    const [node] = incident.probes?.nodes ?? [];
    const gapMs = Date.parse(node?.gapEnd ?? "") - Date.parse(node?.gapStart ?? "");
    expect(gapMs).toBe(140_000);
    expect(node?.rttMs).toContain(null);
    expect(incident.timeline.map((line) => line.state)).toContain("failed");

    expect(readdirSync(report.folder).sort()).toEqual([
      "graph-probe-gh-accra.svg",
      "incident.json",
      "report.md",
    ]);
    const text = readFileSync(join(report.folder, "report.md"), "utf8");
    expect(text).toContain("# Deploy of v1.1.0 failed at verify; v1.0.0 serves again");
    expect(text).toMatch(/\| probe-gh-accra \| Accra \| 7\d \| 2 min 20 s/);
    expect(text).toContain("13 of its rounds, one every 10 s");
    expect(text).toContain("Answer \\| faster");
    expect(text).toContain("![RTT and loss of probe-gh-accra");
    expect(text).toMatch(/RTT {3}[▁-█·]{60}/);
    expect(text).toContain("- [x] Incident report created `report`");
    expect(text).toContain("- [ ] Root cause identified `root-cause`");
    expect(text).toContain("| Ops On-Call | TBD |");
    expect(readFileSync(join(report.folder, "graph-probe-gh-accra.svg"), "utf8")).toMatch(
      /^<svg [\s\S]+<polyline [\s\S]+<\/svg>\n$/,
    );
    expect(JSON.parse(hook.bodies[0] ?? "")).toMatchObject({ id: ID, severity: "resolved" });
  });

  it("is closed only when its checklist is finished, and the report follows", async () => {
    await writeRun();
    await reportRun(ports(), ID);
    await expect(closeIncident(stateDir, ID, hand)).rejects.toMatchObject({
      code: "CHECKLIST_OPEN",
    });
    const wrong = { incident: ID, id: "coffee", note: null };
    await expect(checkIncidentItem(stateDir, wrong, hand)).rejects.toMatchObject({ code: "USAGE" });
    for (const id of ["root-cause", "fix", "runbook", "stakeholders"]) {
      await checkIncidentItem(stateDir, { incident: ID, id, note: `about ${id}` }, hand);
    }
    // Reported again, as a resumed run does: nothing that people did is forgotten.
    await reportRun(ports(), ID);
    expect(await closeIncident(stateDir, ID, hand)).toMatchObject({ closedBy: "ama@ops-1" });
    const text = readFileSync(join(stateDir, "incidents", ID, "report.md"), "utf8");
    expect(text).toContain("**Finding:** about root-cause");
    expect(text).toMatch(/- \[x\] Fix applied and tested `fix`: .* ama@ops-1. about fix/);
    expect(text).toContain("closed ");
    expect(hook.bodies).toHaveLength(1);
  });

  it("says that somebody has to act when the way back failed too", async () => {
    await writeRun(false);
    await reportRun(ports(), ID);
    expect(await readIncident(stateDir, ID)).toMatchObject({ severity: "failed" });
    expect(JSON.parse(hook.bodies[0] ?? "").text).toContain("Somebody has to act");
  });

  it("does without database, repository and network, and says what is unknown", async () => {
    await writeRun();
    const report = await reportRun(
      ports({ db: null, git: null, env: { FIBER_NOTIFY_WEBHOOK: hook.url } }),
      ID,
    );
    expect(report.notified).toMatchObject([{ state: "skipped" }]);
    const text = readFileSync(join(report.folder, "report.md"), "utf8");
    expect(text).toContain("Not known: the samples could not be read");
    expect(text).toContain("There are no two releases to compare.");
  });
});

describe("a notice that nobody got", () => {
  it("is sent again later, once, by whoever comes by", async () => {
    await writeRun();
    hook.status = 503;
    const report = await reportRun(ports(), ID);
    expect(report.notified).toMatchObject([{ state: "failed", attempts: 3 }]);
    hook.status = 200;
    hook.bodies.length = 0;
    expect(await resendNotices(ports())).toEqual([ID]);
    expect(await resendNotices(ports())).toEqual([]);
    expect(hook.bodies).toHaveLength(1);
    const { incidents, unreadable } = await listIncidents(stateDir);
    expect(incidents.map((one) => one.id)).toEqual([ID]);
    expect(unreadable).toEqual([]);
  });
});
