import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { errorBodySchema, nodeAnswerSchema, sampleViewSchema } from "#contracts";
import { makeSample, startTestApi, type TestApi } from "./api.itest-kit.js";

let api: TestApi;
let admin: { authorization: string };
beforeAll(async () => {
  api = await startTestApi();
  admin = await api.bearer("admin");
});
afterAll(() => api.close());

type Method = "GET" | "POST" | "PATCH" | "DELETE" | "PUT";

function call(method: Method, url: string, payload?: object) {
  return api.app.inject({
    method,
    url,
    headers: admin,
    ...(payload === undefined ? {} : { payload }),
  });
}

async function code(method: Method, url: string, payload?: object) {
  const answer = await call(method, url, payload);
  return [answer.statusCode, errorBodySchema.parse(answer.json()).code];
}

describe("pages of samples", () => {
  const node_id = "paged";
  const now = Date.now();
  const times = Array.from({ length: 25 }, (_, i) => now - i * 1_000);

  beforeAll(async () => {
    // Two series with the same times, so that pages end in the middle of a tie.
    const samples = times.flatMap((timestamp) => [
      makeSample({ node_id, timestamp }),
      makeSample({ node_id, timestamp, target: "192.0.2.1", check: "tcp" }),
    ]);
    expect((await call("POST", "/api/push", samples)).statusCode).toBe(202);
  });

  async function readAll(query: string, limit: number) {
    const seen: { timestamp: string; target: string | null }[] = [];
    let cursor = "";
    for (let pages = 0; pages < 100; pages++) {
      const answer = await call("GET", `/api/metrics?limit=${limit}${query}${cursor}`);
      expect(answer.statusCode, answer.body).toBe(200);
      const page = sampleViewSchema.array().parse(answer.json());
      expect(page.length).toBeLessThanOrEqual(limit);
      seen.push(...page);
      const next = answer.headers["x-next-cursor"];
      if (next === undefined) return seen;
      expect(answer.headers.link).toContain(`cursor=${next}`);
      cursor = `&cursor=${next}`;
    }
    throw new Error("the pages do not end");
  }

  test.each([1, 7, 50, 1_000])("of %d give every sample once, newest first", async (limit) => {
    const seen = await readAll(`&node_id=${node_id}`, limit);
    expect(seen).toHaveLength(50);
    expect(new Set(seen.map((s) => `${s.timestamp} ${s.target}`)).size).toBe(50);
    const inOrder = seen.map((s) => Date.parse(s.timestamp));
    expect(inOrder).toEqual([...inOrder].sort((a, b) => b - a));
  });

  test("of one series, and of a window", async () => {
    expect(await readAll(`&node_id=${node_id}&target=`, 10)).toHaveLength(25);
    expect(await readAll(`&node_id=${node_id}&target=192.0.2.1&check=tcp`, 10)).toHaveLength(25);
    expect(await readAll(`&node_id=${node_id}&check=icmp`, 10)).toHaveLength(0);
    const window = `&start=${times[9]}&end=${new Date(times[0] ?? 0).toISOString()}`;
    expect(await readAll(`${window}&node_id=${node_id}`, 4)).toHaveLength(18);
  });

  test.each(["nonsense", "", "%00", "MTIzNDU2Nzg5MC4x%3D", "-1.5", "9".repeat(60), "MTIzLjQ1Ng=="])(
    "the cursor %j is refused",
    async (cursor) => {
      const [status, kind] = await code("GET", `/api/metrics?cursor=${cursor}`);
      expect([status, ["INVALID_CURSOR", "BAD_REQUEST"].includes(String(kind))]).toEqual([
        400,
        true,
      ]);
    },
  );

  test("a tampered cursor is refused", async () => {
    const answer = await call("GET", "/api/metrics?limit=1");
    const cursor = String(answer.headers["x-next-cursor"]);
    const tampered = Buffer.from(`${"9".repeat(16)}.1`).toString("base64url");
    expect(await code("GET", `/api/metrics?cursor=${tampered}`)).toEqual([400, "INVALID_CURSOR"]);
    expect(await code("GET", `/api/metrics?cursor=${cursor}x`)).toEqual([400, "INVALID_CURSOR"]);
  });

  test.each([
    "limit=0",
    "limit=1001",
    "limit=x",
    "start=yesterday",
    "start=2026-05-13T10:00:00",
    "node_id=../x",
    "check=smtp",
  ])("%s is refused", async (query) => {
    expect(await code("GET", `/api/metrics?${query}`)).toEqual([400, "BAD_REQUEST"]);
  });

  test("a window that is empty is refused", async () => {
    expect(await code("GET", "/api/metrics?start=2000&end=1000")).toEqual([400, "INVALID_WINDOW"]);
    expect(await code("GET", "/api/metrics?end=999999999999999")).toEqual([400, "INVALID_WINDOW"]);
  });

  test("a NUL in a parameter is refused", async () => {
    expect(await code("GET", "/api/metrics?target=a%00b")).toEqual([400, "BAD_REQUEST"]);
  });
});

describe("nodes", () => {
  const node = { node_id: "node-a", country: "GH", region: "Accra", coordinates: [5.6, -0.19] };

  test("are registered, read, changed, deleted and registered again", async () => {
    const made = await call("POST", "/api/nodes", node);
    expect([made.statusCode, made.headers.location]).toEqual([201, "/api/nodes/node-a"]);
    expect(nodeAnswerSchema.parse(made.json()).data).toMatchObject({
      ...node,
      state: "STALE",
      last_seen_at: null,
      latest: null,
      interval_ms: 10_000,
    });
    expect(await code("POST", "/api/nodes", node)).toEqual([409, "NODE_EXISTS"]);
    const patch = { region: "Tema", thresholds: { degraded_latency_ms: 50 } };
    expect((await call("PATCH", "/api/nodes/node-a", patch)).json().data).toMatchObject({
      ...node,
      ...patch,
    });
    expect((await call("DELETE", "/api/nodes/node-a")).json()).toEqual({
      status: "ok",
      data: { node_id: "node-a" },
    });
    for (const method of ["GET", "DELETE"] as const) {
      expect(await code(method, "/api/nodes/node-a")).toEqual([410, "NODE_DELETED"]);
    }
    expect(await code("PATCH", "/api/nodes/node-a", patch)).toEqual([410, "NODE_DELETED"]);
    const listed = (await call("GET", "/api/nodes")).json().data;
    expect(listed.some((n: { node_id: string }) => n.node_id === "node-a")).toBe(false);
    expect((await call("POST", "/api/nodes", node)).statusCode).toBe(201);
  });

  test("unknown ones are not found", async () => {
    for (const method of ["GET", "DELETE"] as const) {
      expect(await code(method, "/api/nodes/none")).toEqual([404, "NODE_NOT_FOUND"]);
    }
    expect(await code("GET", "/api/series?node_id=none")).toEqual([404, "NODE_NOT_FOUND"]);
  });

  test.each<[object]>([
    [{}],
    [{ ...node, node_id: "../x" }],
    [{ ...node, country: "Ghana" }],
    [{ ...node, coordinates: [91, 0] }],
    [{ ...node, coordinates: [1] }],
    [{ ...node, colour: "blue" }],
    [{ ...node, interval_ms: 10 }],
    [[]],
  ])("%j cannot be registered", async (body) => {
    expect(await code("POST", "/api/nodes", body)).toEqual([400, "BAD_REQUEST"]);
  });

  test("a patch must change something", async () => {
    expect(await code("PATCH", "/api/nodes/node-a", {})).toEqual([400, "BAD_REQUEST"]);
  });
});

describe("heartbeats", () => {
  const beat = {
    node_id: "beating",
    country: "KE",
    region: "Nairobi",
    coordinates: [-1.29, 36.82],
    interval_ms: 5_000,
    version: "1.0.0",
    demo: true,
    uplink: "ok",
    unable: [{ target: "192.0.2.9", check: "icmp", reason: "no permission" }],
    targets: [
      { target: "192.0.2.9", check: "icmp", thresholds: { critical_loss_pct: 50 } },
      { target: "192.0.2.9", check: "icmp" },
      { target: "https://example.net/", check: "http" },
    ],
    spool: { samples: 0, bytes: 0, dropped: 0 },
  };
  const send = async (body: object, headers: Record<string, string> = admin) => {
    const url = "/api/probe/heartbeat";
    return api.app.inject({ method: "POST", url, headers, payload: body });
  };

  test("make the node known, with what it says of itself", async () => {
    expect((await send(beat)).json()).toEqual({ status: "ok" });
    const { data } = nodeAnswerSchema.parse((await call("GET", "/api/nodes/beating")).json());
    expect(data).toMatchObject({
      coordinates: [-1.29, 36.82],
      demo: true,
      uplink: "ok",
      unable: beat.unable,
      version: "1.0.0",
      interval_ms: 5_000,
    });
  });

  test("burn no series ids and keep thresholds up to date", async () => {
    const series = () =>
      api.db.pool.query(
        "SELECT series_id, target, thresholds FROM series WHERE node_id = 'beating' ORDER BY 1",
      );
    const before = (await series()).rows;
    expect(before).toHaveLength(2);
    const next = "SELECT last_value FROM pg_sequences WHERE sequencename = 'series_series_id_seq'";
    const [idBefore] = (await api.db.pool.query(next)).rows;
    const changed = {
      ...beat,
      targets: [{ ...beat.targets[0], thresholds: { critical_loss_pct: 9 } }],
    };
    for (let i = 0; i < 5; i++) expect((await send(changed)).statusCode).toBe(200);
    const after = (await series()).rows;
    expect(after.map((s) => s.series_id)).toEqual(before.map((s) => s.series_id));
    expect(after.find((s) => s.target === "192.0.2.9")?.thresholds).toEqual({
      critical_loss_pct: 9,
    });
    expect((await api.db.pool.query(next)).rows).toEqual([idBefore]);
  });

  test("are for a probe's own node, and never revive a deleted one", async () => {
    const other = await send(beat, await api.bearer("probe", "another"));
    expect([other.statusCode, other.json().code]).toEqual([403, "NODE_MISMATCH"]);
    await send({ ...beat, node_id: "short-lived" });
    await call("DELETE", "/api/nodes/short-lived");
    const late = await send({ ...beat, node_id: "short-lived" });
    expect([late.statusCode, late.json().code]).toEqual([410, "NODE_DELETED"]);
  });

  test.each<[string, object]>([
    ["no spool", { ...beat, spool: undefined }],
    ["a NUL in the version", { ...beat, version: "1\0" }],
    ["a NUL in a reason", { ...beat, unable: [{ target: "a", check: "icmp", reason: "\0" }] }],
    ["a lone surrogate", { ...beat, unable: [{ target: "\ud800", check: "icmp", reason: "" }] }],
    ["an unknown uplink", { ...beat, uplink: "maybe" }],
  ])("with %s are refused", async (_name, body) => {
    const answer = await send(body);
    expect([answer.statusCode, answer.json().code]).toEqual([400, "BAD_REQUEST"]);
  });
});

describe("what is not there", () => {
  test("an unknown path", async () => {
    expect(await code("GET", "/api/nothing")).toEqual([404, "ROUTE_NOT_FOUND"]);
    expect(await code("GET", "/api/nodes/a/b")).toEqual([404, "ROUTE_NOT_FOUND"]);
  });

  test("a known path under another method", async () => {
    const answer = await call("DELETE", "/api/metrics");
    expect([answer.statusCode, answer.json().code]).toEqual([405, "METHOD_NOT_ALLOWED"]);
    expect(answer.headers.allow).toBe("GET, HEAD");
    expect(await code("PUT", "/api/nodes/a")).toEqual([405, "METHOD_NOT_ALLOWED"]);
  });

  test("a broken path", async () => {
    expect((await call("GET", "/api/nodes/%ff"))?.statusCode).toBe(400);
    expect((await call("GET", `/api/nodes/${"x".repeat(300)}`)).statusCode).toBeGreaterThan(399);
  });
});

describe("ids of requests", () => {
  test("are taken, echoed and named in errors", async () => {
    const headers = { ...admin, "x-request-id": "abc-1", "x-trace-id": "trace:7" };
    const answer = await api.app.inject({ url: "/api/nothing", headers });
    expect(answer.headers).toMatchObject({ "x-request-id": "abc-1", "x-trace-id": "trace:7" });
    expect(answer.json().request_id).toBe("abc-1");
  });

  test.each(["", "a b", "x".repeat(65), "<script>", "a\tb"])("%j is replaced", async (id) => {
    const answer = await api.app.inject({ url: "/", headers: { "x-request-id": id } });
    expect(answer.headers["x-request-id"]).toMatch(/^[0-9a-f]{12}-[0-9a-z]+$/);
    expect(answer.headers["x-trace-id"]).toBe(answer.headers["x-request-id"]);
  });
});
