import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type LiveEventName, liveEventSchemas } from "#contracts";
import { issueToken, notifyChanges, revokeToken } from "#db";
import { loadConfig, systemClock } from "#runtime";
import { makeSample, startTestApi, type TestApi } from "./api.itest-kit.js";
import { apiConfigSchema } from "./config.js";
import { startApi } from "./start-api.js";

let api: TestApi;
let server: Awaited<ReturnType<typeof startApi>>;
let admin: { authorization: string };

async function listen() {
  const env = { FIBER_DATABASE_URL: api.db.url, FIBER_API_PORT: "0", FIBER_READS_PER_MIN: "0" };
  const { pool } = api.db;
  return startApi({
    config: loadConfig(apiConfigSchema, env),
    log: api.log,
    clock: systemClock,
    pool,
    ingestLog: api.ingestLog,
    release: "live-test",
  });
}

beforeAll(async () => {
  api = await startTestApi();
  server = await listen();
  admin = await api.bearer("admin");
});
afterAll(async () => {
  await server.stop();
  await api.close();
});

/** Opens an event stream over a real socket; `events` grows as they arrive. */
async function openStream(port = server.port, headers: Record<string, string> = {}) {
  const stop = new AbortController();
  const response = await fetch(`http://127.0.0.1:${port}/api/live`, {
    headers: { accept: "text/event-stream", ...headers },
    signal: stop.signal,
  });
  const events: { event: LiveEventName; data: unknown }[] = [];
  let text = "";
  const ended = (async () => {
    if (response.body === null) throw new Error("no body");
    const decoder = new TextDecoder();
    for await (const bytes of response.body) {
      text += decoder.decode(bytes, { stream: true });
      const parts = text.split("\n\n");
      text = parts.pop() ?? "";
      for (const part of parts) {
        const match = /^event: (\w+)\ndata: (.*)$/s.exec(part);
        if (match === null) continue;
        const event = match[1] as LiveEventName;
        events.push({ event, data: liveEventSchemas[event].parse(JSON.parse(match[2] ?? "")) });
      }
    }
  })().catch((err: unknown) => {
    if (!stop.signal.aborted) throw err;
  });
  return {
    response,
    events,
    ended,
    close: () => stop.abort(),
    wasClosed: () => stop.signal.aborted,
  };
}

type Stream = Awaited<ReturnType<typeof openStream>>;

const find = (stream: Stream, event: LiveEventName, has: string) =>
  stream.events.find((e) => e.event === event && JSON.stringify(e.data).includes(has));

describe("a stream whose token is revoked", () => {
  test("is ended; those of other tokens and of nobody go on", async () => {
    const { token, tokenId } = await issueToken(api.db.pool, { role: "viewer", label: "leaves" });
    const leaving = await openStream(server.port, { authorization: `Bearer ${token}` });
    const staying = [await openStream(server.port, admin), await openStream()];
    await expect.poll(() => leaving.events.length, { timeout: 10_000 }).toBeGreaterThan(0);
    expect(await revokeToken(api.db.pool, tokenId)).toBe(true);
    await leaving.ended;
    expect(leaving.wasClosed()).toBe(false);
    await notifyChanges(api.db.pool, { kind: "posture", ids: "*" });
    for (const stream of staying) {
      await expect
        .poll(() => stream.events.some((one) => one.event === "posture"), { timeout: 10_000 })
        .toBe(true);
      stream.close();
    }
    const again = await openStream(server.port, { authorization: `Bearer ${token}` });
    expect(again.response.status).toBe(401);
    again.close();
  });
});

describe("events", () => {
  test("hello comes first, then what changed, the same for everybody", async () => {
    const streams = [await openStream(), await openStream()];
    expect(streams[0]?.response.headers.get("content-type")).toBe(
      "text/event-stream; charset=utf-8",
    );
    const sample = makeSample({ node_id: "live-node" });
    const pushed = await api.app.inject({
      method: "POST",
      url: "/api/push",
      headers: admin,
      payload: sample,
    });
    expect(pushed.statusCode).toBe(202);
    await notifyChanges(api.db.pool, { kind: "samples", ids: ["live-node"] });
    await notifyChanges(api.db.pool, { kind: "nodes", ids: "*" });
    await notifyChanges(api.db.pool, { kind: "posture", ids: "*" });
    for (const stream of streams) {
      await expect.poll(() => stream.events[0], { timeout: 10_000 }).toBeDefined();
      await expect
        .poll(() => find(stream, "samples", "live-node"), { timeout: 10_000 })
        .toBeTruthy();
      await expect.poll(() => find(stream, "nodes", "live-node"), { timeout: 10_000 }).toBeTruthy();
      await expect.poll(() => find(stream, "posture", ""), { timeout: 10_000 }).toBeTruthy();
      expect(stream.events[0]).toMatchObject({ event: "hello", data: { release: "live-test" } });
      stream.close();
      await stream.ended;
    }
  });

  test("a change of a node by the API itself is told", async () => {
    const stream = await openStream();
    const payload = { node_id: "registered", country: "NG", region: "Lagos" };
    await api.app.inject({ method: "POST", url: "/api/nodes", headers: admin, payload });
    await expect.poll(() => find(stream, "nodes", "registered"), { timeout: 10_000 }).toBeTruthy();
    stream.close();
  });

  test("what is no change of ours is passed over", async () => {
    const stream = await openStream();
    for (const payload of ["", "{}", "[]", '{"kind":"x","ids":[]}', '{"kind":"nodes","ids":[1]}']) {
      await api.db.pool.query("SELECT pg_notify('fiber_changes', $1)", [payload]);
    }
    await notifyChanges(api.db.pool, { kind: "posture", ids: [] });
    await expect.poll(() => find(stream, "posture", ""), { timeout: 10_000 }).toBeTruthy();
    expect(stream.events.map((e) => e.event)).toEqual(["hello", "posture"]);
    stream.close();
  });

  test("after a lost connection everything is told again", async () => {
    const stream = await openStream();
    await api.db.pool.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE datname = current_database() AND query LIKE 'LISTEN%'`,
    );
    await expect.poll(() => find(stream, "nodes", "registered"), { timeout: 15_000 }).toBeTruthy();
    stream.close();
  });

  test("many ids become all", async () => {
    const stream = await openStream();
    const ids = Array.from({ length: 2_000 }, (_, i) => `no-such-node-${i}`);
    await notifyChanges(api.db.pool, { kind: "nodes", ids });
    await expect.poll(() => find(stream, "nodes", "registered"), { timeout: 10_000 }).toBeTruthy();
    stream.close();
  });
});

describe("asking for something else", () => {
  test.each([["application/json"], ["text/html"], ["text/plain, image/*"]])(
    "%s is not acceptable",
    async (accept) => {
      const answer = await api.app.inject({ url: "/api/live", headers: { accept } });
      expect([answer.statusCode, answer.json().code]).toEqual([406, "NOT_ACCEPTABLE"]);
    },
  );

  test("strangers are refused", async () => {
    const answer = await api.app.inject({ url: "/api/live", headers: { host: "evil.example" } });
    expect(answer.statusCode).toBe(401);
  });
});

test("a client that does not read is dropped, and the others go on", async () => {
  // Each round carries 4 KB of metadata for 200 nodes, so that unread bytes pile up.
  const samples = Array.from({ length: 200 }, (_, i) =>
    makeSample({ node_id: `wide-${i}`, metadata: { note: "x".repeat(4_000) } }),
  );
  const pushed = await api.app.inject({
    method: "POST",
    url: "/api/push",
    headers: admin,
    payload: samples,
  });
  expect(pushed.json()).toEqual({ status: "accepted", data: { queued: 200 } });
  const slow = connect(server.port, "127.0.0.1");
  let dropped = false;
  slow.on("close", () => {
    dropped = true;
  });
  slow.on("error", () => {});
  slow.pause();
  slow.write("GET /api/live HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n");
  const reader = await openStream();
  const streams = async () => {
    const text = await (await fetch(`http://127.0.0.1:${server.port}/metrics`)).text();
    return Number(/^fiber_live_streams (\d+)$/m.exec(text)?.[1]);
  };
  await expect.poll(streams, { timeout: 10_000 }).toBe(2);
  const before = () => reader.events.filter((e) => e.event === "samples").length;
  for (let round = 0; round < 60 && (await streams()) === 2; round++) {
    const seen = before();
    await notifyChanges(api.db.pool, { kind: "samples", ids: "*" });
    await expect.poll(before, { timeout: 10_000 }).toBeGreaterThan(seen);
  }
  expect(await streams()).toBe(1);
  slow.resume();
  await expect.poll(() => dropped, { timeout: 10_000 }).toBe(true);
  reader.close();
});

test("stopping ends streams, and answers nothing more", async () => {
  const own = await listen();
  const stream = await openStream(own.port);
  const startedAt = Date.now();
  await own.stop();
  await stream.ended;
  expect(Date.now() - startedAt).toBeLessThan(4_500);
  await expect(fetch(`http://127.0.0.1:${own.port}/health`)).rejects.toThrow();
});

test("a taken port says what to do", async () => {
  const env = { FIBER_DATABASE_URL: api.db.url, FIBER_API_PORT: String(server.port) };
  const start = startApi({
    config: loadConfig(apiConfigSchema, env),
    log: api.log,
    clock: systemClock,
    pool: api.db.pool,
    ingestLog: api.ingestLog,
    release: "second",
  });
  await expect(start).rejects.toMatchObject({ code: "PORT_TAKEN" });
});
