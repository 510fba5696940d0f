import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type AnonymousPolicy,
  errorBodySchema,
  readinessAnswerSchema,
  releaseListSchema,
  runAnswerSchema,
  runEventSchemas,
  runListSchema,
} from "#contracts";
import { dashboardConfigSchema, startDashboard } from "#dashboard";
import { issueToken, revokeToken } from "#db";
import { type Logger, loadConfig, proxyToAgent, systemClock } from "#runtime";
import { createTestDatabase, type TestDatabase } from "#testkit";
import { agentReadiness } from "./agent-readiness.js";
import { serveAgent } from "./agent-server.js";
import { createReadAccess } from "./read-access.js";
import { runRoutes } from "./run-routes.js";
import { runTestSteps, testStep } from "./run-steps.itest-kit.js";
import { openTokenMemory } from "./token-memory.js";

const log = pino({ level: "silent" }) as Logger;
let root: string;
let stateDir: string;
let socket: string;
let db: TestDatabase;
let agent: { close(): Promise<void> };
let dashboard: Awaited<ReturnType<typeof startDashboard>>;
let url: string;
let policy: AnonymousPolicy = "viewer-on-loopback";

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "fiber-agent-"));
  stateDir = join(root, "state");
  socket = join(root, "agent.sock");
  const webFolder = join(root, "web");
  mkdirSync(webFolder);
  mkdirSync(stateDir);
  writeFileSync(join(webFolder, "index.html"), "<!doctype html>");
  db = await createTestDatabase();
  const memory = openTokenMemory(stateDir);
  const about = { stateDir, log, clock: systemClock };
  agent = await serveAgent(
    socket,
    runRoutes({
      ...about,
      readiness: () => agentReadiness({ ...about, data: () => null }),
      access: (headers) => createReadAccess({ anonymous: policy, tokens: memory.roleOf })(headers),
    }),
  );
  dashboard = await startDashboard({
    log,
    webFolder,
    config: loadConfig(dashboardConfigSchema, {
      FIBER_DASHBOARD_PORT: "0",
      // Nobody listens there: the API is what is being rolled back.
      FIBER_API_URL: "http://127.0.0.1:1",
      FIBER_AGENT_SOCKET: socket,
    }),
  });
  url = `http://127.0.0.1:${dashboard.port}`;
});
afterAll(async () => {
  await dashboard.stop();
  await agent.close();
  await db.drop();
  rmSync(root, { recursive: true });
});

/** Runs a plan of two steps by the real engine. */
const runSomething = (work?: () => Promise<void>) =>
  runTestSteps({ stateDir, log }, [testStep("preflight"), testStep("switch", work)]);

describe("through the dashboard, while the API is away", () => {
  it("answers releases, runs and readiness in their contract", async () => {
    const id = await runSomething();
    const get = async (path: string) => {
      const response = await fetch(url + path);
      expect(response.status).toBe(200);
      expect(response.headers.get("content-security-policy")).toContain("default-src 'none'");
      return response.json();
    };
    expect(releaseListSchema.parse(await get("/api/releases")).data).toEqual([]);
    const runs = runListSchema.parse(await get("/api/runs?limit=5")).data;
    expect(runs).toMatchObject([{ id, state: "done", from: "v1.1.0", to: "v1.0.0" }]);
    const run = runAnswerSchema.parse(await get(`/api/runs/${id}`)).data;
    expect(run.steps).toMatchObject([
      { id: "preflight", state: "done" },
      { id: "switch", state: "done", detail: { note: "switch ran" } },
    ]);
    const readiness = readinessAnswerSchema.parse(await get("/api/readiness")).data;
    expect(readiness.light).toBe("red");
    const missing = await fetch(`${url}/api/runs/20200101T000000Z-deploy`);
    expect(missing.status).toBe(404);
    expect(errorBodySchema.parse(await missing.json()).code).toBe("RUN_NOT_FOUND");
  });

  it("streams each step of a run while it goes on", async () => {
    const events: { readonly name: string; readonly data: unknown }[] = [];
    const stop = new AbortController();
    const response = await fetch(`${url}/api/runs/live`, { signal: stop.signal });
    expect(response.headers.get("content-type")).toContain("text/event-stream");
    const reading = readEvents(response, events);
    const isSeen = (state: string) =>
      events.some(({ name, data }) => {
        if (name !== "run") return false;
        return runEventSchemas.run.parse(data).steps.some((one) => one.state === state);
      });
    const id = await runSomething(async () => {
      while (!isSeen("running")) await systemClock.sleep(50);
    });
    while (!events.some(({ data }) => (data as { state?: string }).state === "done")) {
      await systemClock.sleep(50);
    }
    stop.abort();
    await reading;
    expect(events[0]?.name).toBe("hello");
    expect(events.at(-1)?.data).toMatchObject({ id, state: "done" });
  });

  it("reads as the agent's rule says: loopback by name, a known token, or not at all", async () => {
    const { token } = await issueToken(db.pool, { role: "viewer", label: "screen" });
    const { tokenId, token: revoked } = await issueToken(db.pool, { role: "admin", label: "old" });
    await revokeToken(db.pool, tokenId);
    const probe = await issueToken(db.pool, { role: "probe", nodeId: "probe-1", label: "p" });
    await openTokenMemory(stateDir).refresh(db.pool);
    const memory = openTokenMemory(stateDir);
    expect([memory.roleOf(token), memory.roleOf(revoked), memory.roleOf(probe.token)]).toEqual([
      "viewer",
      null,
      null,
    ]);
    const rebound = await fetch(`${url}/api/runs`, { headers: { "x-forwarded-for": "127.0.0.1" } });
    expect(rebound.status).toBe(200);
    policy = "none";
    try {
      const refused = await fetch(`${url}/api/runs`);
      expect(refused.status).toBe(401);
      expect(errorBodySchema.parse(await refused.json()).code).toBe("UNAUTHENTICATED");
      const unknown = { authorization: `Bearer fbr_${"x".repeat(43)}` };
      expect((await fetch(`${url}/api/runs/live`, { headers: unknown })).status).toBe(401);
      // Whoever owns the socket owns the installation: the command and the API ask there.
      const bare = await proxyToAgent(socket, { path: "/api/runs", headers: {} });
      expect(bare.status).toBe(200);
    } finally {
      policy = "viewer-on-loopback";
    }
  });

  it("lets a name that was rebound to this machine read nothing", async () => {
    const asked = { host: "evil.example:4000", "x-forwarded-host": "evil.example:4000" };
    const answer = await proxyToAgent(socket, {
      path: "/api/runs",
      headers: { ...asked, "x-forwarded-for": "127.0.0.1" },
    });
    expect(answer.status).toBe(401);
  });
});

it("without an agent the dashboard answers 503 AGENT_UNREACHABLE", async () => {
  const lonely = await startDashboard({
    log,
    webFolder: join(root, "web"),
    config: loadConfig(dashboardConfigSchema, {
      FIBER_DASHBOARD_PORT: "0",
      FIBER_AGENT_SOCKET: join(root, "nobody.sock"),
    }),
  });
  try {
    for (const path of ["/api/readiness", "/api/runs/live"]) {
      const response = await fetch(`http://127.0.0.1:${lonely.port}${path}`);
      expect(response.status).toBe(503);
      expect(response.headers.get("retry-after")).toBe("2");
      expect(errorBodySchema.parse(await response.json()).code).toBe("AGENT_UNREACHABLE");
    }
  } finally {
    await lonely.stop();
  }
});

async function readEvents(
  response: Response,
  events: { name: string; data: unknown }[],
): Promise<void> {
  let text = "";
  try {
    for await (const chunk of response.body ?? []) {
      text += Buffer.from(chunk).toString();
      for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
        const [, name, data] = /^event: (\w+)\ndata: (.*)$/.exec(text.slice(0, end)) ?? [];
        if (name !== undefined && data !== undefined) events.push({ name, data: JSON.parse(data) });
        text = text.slice(end + 2);
      }
    }
  } catch (err) {
    if ((err as Error).name !== "AbortError") throw err;
  }
}
