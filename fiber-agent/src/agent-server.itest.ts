import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { FiberError } from "#contracts";
import { askAgent } from "#runtime";
import { answerOk, serveAgent } from "./agent-server.js";
import { supervisorRoutes } from "./supervisor-routes.js";

let folder: string;
let socket: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "fiber-agent-"));
  socket = join(folder, "agent.sock");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("status, stop and reload reach their handlers; the socket is its owner's alone", async () => {
  let stops = 0;
  writeFileSync(socket, "left by a killed agent");
  const agent = await serveAgent(
    socket,
    supervisorRoutes({
      status: () => ({ phase: "running" }),
      stop: () => {
        stops++;
      },
      switchTo: async (wanted) => ({ gapMs: 1, notes: [wanted.tag] }),
      stopWriter: async () => ["api"],
      startWriter: async () => [],
      reload: async () => {
        throw new FiberError("CONFIG_INVALID", "line 2 is wrong");
      },
    }),
  );
  try {
    expect(statSync(socket).mode & 0o777).toBe(0o600);
    expect(await askAgent(socket, "GET", "/status")).toEqual({ phase: "running" });
    expect(await askAgent(socket, "POST", "/stop")).toEqual({});
    expect(stops).toBe(1);
    await expect(askAgent(socket, "POST", "/reload")).rejects.toMatchObject({
      code: "CONFIG_INVALID",
      message: "line 2 is wrong",
    });
    const wanted = { tag: "v1", digest: "sha256:0", overlap: true };
    expect(await askAgent(socket, "POST", "/switch", { body: wanted })).toEqual({
      gapMs: 1,
      notes: ["v1"],
    });
    expect(await askAgent(socket, "POST", "/stop-writer")).toEqual({ stopped: ["api"] });
    await expect(
      askAgent(socket, "POST", "/switch", { body: { tag: "v1" } }),
    ).rejects.toMatchObject({ code: "BAD_REQUEST", message: expect.stringMatching(/digest/) });
    await expect(askAgent(socket, "GET", "/stop")).rejects.toMatchObject({
      code: "ROUTE_NOT_FOUND",
    });
  } finally {
    await agent.close();
  }
});

test("nobody there is null: no socket, or one that nobody listens on", async () => {
  expect(await askAgent(socket, "GET", "/status")).toBeNull();
  const agent = await serveAgent(socket, []);
  await agent.close();
  expect(await askAgent(socket, "GET", "/status")).toBeNull();
});

test("a route gets its parameters, its query and its body; a body that is no JSON is refused", async () => {
  const agent = await serveAgent(socket, [
    {
      method: "POST",
      path: /\/things\/([^/]+)/,
      answer: async ({ params, url, body }) =>
        answerOk({ id: params[0], q: url.searchParams.get("q"), body: await body() }),
    },
  ]);
  try {
    const said = await askAgent(socket, "POST", "/things/a%20b?q=1", { body: { n: 1 } });
    expect(said).toEqual({ id: "a b", q: "1", body: { n: 1 } });
    await expect(askAgent(socket, "POST", "/things/a/b")).rejects.toMatchObject({
      code: "ROUTE_NOT_FOUND",
    });
    const large = { body: "x".repeat(100_000) };
    await expect(askAgent(socket, "POST", "/things/a", large)).rejects.toMatchObject({
      code: "BAD_REQUEST",
    });
  } finally {
    await agent.close();
  }
});

test("an agent that ends before it has answered is unreachable, and does not hang", async () => {
  const agent = await serveAgent(socket, [
    { method: "GET", path: "/slow", answer: () => new Promise(() => {}) },
  ]);
  const asked = askAgent(socket, "GET", "/slow");
  const refused = expect(asked).rejects.toMatchObject({ code: "AGENT_UNREACHABLE" });
  setTimeout(() => void agent.close(), 50);
  await refused;
});
