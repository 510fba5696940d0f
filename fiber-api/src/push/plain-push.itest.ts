import { request } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { raiseFence, revokeToken } from "#db";
import { makeSample, startTestApi, type TestApi } from "../api.itest-kit.js";

interface Answer {
  readonly status: number;
  readonly headers: readonly string[];
  readonly body: Record<string, unknown>;
}

let api: TestApi;
let port: number;
let bearer: { authorization: string };
beforeAll(async () => {
  api = await startTestApi();
  await api.app.listen({ host: "127.0.0.1", port: 0 });
  port = portOf(api);
  bearer = await api.bearer("probe", "probe-plain");
  expect((await overWire(JSON.stringify(sample()))).status).toBe(202);
});
afterAll(() => api.close());

const portOf = ({ app }: TestApi) => (app.server.address() as AddressInfo).port;
const sample = (fields: Record<string, unknown> = {}) =>
  makeSample({ node_id: "probe-plain", ...fields });
const JSON_TYPE = { "content-type": "application/json" };

/** Pushes through a socket, where plain pushes are answered in front of node:http. */
function overWire(body: string | Buffer, headers: Record<string, string> = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const all = { ...JSON_TYPE, ...bearer, "content-length": Buffer.byteLength(body), ...headers };
    const req = request({ port, method: "POST", path: "/api/push", headers: all }, (res) => {
      const chunks: Buffer[] = [];
      res.on("data", (chunk: Buffer) => chunks.push(chunk));
      res.on("end", () =>
        resolve({
          status: res.statusCode ?? 0,
          headers: shownHeaders(res.headers),
          body: withoutId(JSON.parse(Buffer.concat(chunks).toString())),
        }),
      );
    });
    req.on("error", reject);
    req.end(body);
  });
}

/** Pushes by inject, which goes to Fastify alone. */
async function throughFastify(
  body: string | Buffer,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const answer = await api.app.inject({
    method: "POST",
    url: "/api/push",
    headers: { ...JSON_TYPE, ...bearer, ...headers },
    payload: body,
  });
  return {
    status: answer.statusCode,
    headers: shownHeaders(answer.headers),
    body: withoutId(answer.json()),
  };
}

/** Header names, without those of the connection, which inject has not. */
function shownHeaders(headers: Record<string, unknown>): readonly string[] {
  const ofConnection = ["connection", "keep-alive", "date", "transfer-encoding"];
  return Object.keys(headers)
    .filter((name) => !ofConnection.includes(name))
    .sort();
}

function withoutId({ request_id: _, ...body }: Record<string, unknown>): Record<string, unknown> {
  return body;
}

async function countOfFastify(): Promise<number> {
  const { body } = await api.app.inject({ url: "/metrics" });
  const line = /fiber_pushed_samples_total (\d+)/.exec(body);
  return Number(line?.[1]);
}

test.each([
  ["one sample", () => JSON.stringify(sample())],
  ["an array", () => JSON.stringify([sample(), sample({ target: "t", check: "tcp" })])],
  ["an envelope", () => JSON.stringify({ node_id: "probe-plain", metrics: [sample()] })],
  ["a batch with one bad sample", () => JSON.stringify([sample(), sample({ latency_ms: -1 })])],
  ["nothing usable", () => JSON.stringify([sample({ uptime_pct: 101 })])],
  ["another's node", () => JSON.stringify(sample({ node_id: "somebody-else" }))],
  ["an empty array", () => "[]"],
  ["an empty body", () => ""],
  ["no JSON", () => "{"],
  ["deep nesting", () => "[".repeat(40)],
  ["broken UTF-8", () => Buffer.from([0x7b, 0xff, 0xfe, 0x7d])],
  ["too many samples", () => JSON.stringify(Array.from({ length: 1_001 }, () => 0))],
])("%s is answered as Fastify answers it", async (_what, body) => {
  const text = body();
  const [plain, slow] = [await overWire(text), await throughFastify(text)];
  expect(plain).toEqual(slow);
});

test.each([
  ["an unknown token", { authorization: `Bearer fbr_${"x".repeat(43)}` }, 401],
  ["another scheme", { authorization: "Basic eA==" }, 401],
  ["another type", { "content-type": "text/plain" }, 415],
  ["an unknown packing", { "content-encoding": "br" }, 415],
])("%s goes on to Fastify", async (_what, headers, status) => {
  const body = JSON.stringify(sample());
  const plain = await overWire(body, headers);
  expect(plain.status).toBe(status);
  expect(plain).toEqual(await throughFastify(body, headers));
});

test("ids are taken and echoed, and what is stored is counted", async () => {
  const before = await countOfFastify();
  const answer = await fetch(`http://127.0.0.1:${port}/api/push`, {
    method: "POST",
    headers: { ...JSON_TYPE, ...bearer, "x-request-id": "r-1", "x-trace-id": "t-1" },
    body: JSON.stringify([sample(), sample({ target: "x", check: "dns" })]),
  });
  expect(answer.status).toBe(202);
  expect(answer.headers.get("x-request-id")).toBe("r-1");
  expect(answer.headers.get("x-trace-id")).toBe("t-1");
  expect(answer.headers.get("cache-control")).toBe("no-store");
  expect(await countOfFastify()).toBe(before + 2);
});

test("a fence and a revoked token are heard", async () => {
  await raiseFence(api.db.pool, { reason: "t", raisedBy: "t", forMs: 60_000, waitMs: 1_000 });
  const body = JSON.stringify(sample());
  await vi.waitFor(async () => expect((await overWire(body)).status).toBe(503), 10_000);
  const fenced = await overWire(body);
  expect(fenced.body.code).toBe("INGEST_FENCED");
  expect(fenced.headers).toContain("retry-after");
  await api.db.pool.query("DELETE FROM ingest_fence");
  await vi.waitFor(async () => expect((await overWire(body)).status).toBe(202), 10_000);

  const { rows } = await api.db.pool.query<{ id: string }>(
    "SELECT token_id AS id FROM access_tokens WHERE node_id = 'probe-plain'",
  );
  await revokeToken(api.db.pool, rows[0]?.id ?? "");
  await vi.waitFor(async () => expect((await overWire(body)).status).toBe(401), 10_000);
  bearer = await api.bearer("probe", "probe-plain");
  expect((await overWire(body)).status).toBe(202);
}, 40_000);

test("a body that breaks off stores nothing and harms nobody", async () => {
  const before = await countOfFastify();
  const socket = connect(port, "127.0.0.1");
  await new Promise<void>((resolve) => socket.once("connect", resolve));
  socket.write(
    `POST /api/push HTTP/1.1\r\nHost: x\r\nAuthorization: ${bearer.authorization}\r\n` +
      'Content-Type: application/json\r\nContent-Length: 500\r\n\r\n{"node_id":',
  );
  socket.destroy();
  expect((await overWire(JSON.stringify(sample()))).status).toBe(202);
  expect(await countOfFastify()).toBe(before + 1);
});

test("beyond its rate a token is refused, and the refusals cost it nothing more", async () => {
  const slow = await startTestApi({ env: { FIBER_PUSH_PER_MIN: "5" } });
  try {
    await slow.app.listen({ host: "127.0.0.1", port: 0 });
    const at = portOf(slow);
    const headers = { ...JSON_TYPE, ...(await slow.bearer("probe", "probe-plain")) };
    const statuses: number[] = [];
    let last: Response | null = null;
    for (let i = 0; i < 8; i++) {
      last = await fetch(`http://127.0.0.1:${at}/api/push`, {
        method: "POST",
        headers,
        body: JSON.stringify(sample()),
      });
      statuses.push(last.status);
    }
    expect(statuses.slice(0, 5)).toEqual([202, 202, 202, 202, 202]);
    expect(statuses.at(-1)).toBe(429);
    expect(last?.headers.get("x-ratelimit-limit")).toBe("5");
    expect(Number(last?.headers.get("retry-after"))).toBeGreaterThan(0);
  } finally {
    await slow.close();
  }
});

describe("on one connection", () => {
  /** How many requests node:http has seen of the API. */
  function countHttp(of: TestApi): () => number {
    let seen = 0;
    of.app.server.on("request", () => seen++);
    return () => seen;
  }

  function raw(text = JSON.stringify(sample()), more: readonly string[] = []): string {
    return [
      "POST /api/push HTTP/1.1",
      "Host: x",
      `Authorization: ${bearer.authorization}`,
      "Content-Type: application/json",
      `Content-Length: ${Buffer.byteLength(text)}`,
      ...more,
      "",
      text,
    ].join("\r\n");
  }

  /** A connection; `statuses` waits for that many answers, `ended` for its end. */
  async function open(at = port) {
    const socket = connect({ port: at, host: "127.0.0.1", allowHalfOpen: true });
    let text = "";
    socket.on("data", (chunk) => {
      text += chunk;
    });
    const ended = new Promise<string>((resolve) => {
      socket.on("end", () => resolve(text));
      socket.on("error", () => resolve(text));
    });
    await new Promise<void>((resolve) => socket.once("connect", resolve));
    const statuses = (count: number) =>
      vi.waitFor(() => {
        const found = [...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map((match) => Number(match[1]));
        expect(found).toHaveLength(count);
        return found;
      }, 10_000);
    return { socket, statuses, ended, text: () => text };
  }

  test("plain pushes never reach node:http, and what is not plain takes the connection there", async () => {
    const seen = countHttp(api);
    const { socket, statuses, text } = await open();
    for (let i = 1; i <= 20; i++) {
      socket.write(raw());
      await statuses(i);
    }
    expect(seen()).toBe(0);
    expect(text()).toMatch(/Connection: keep-alive\r\nKeep-Alive: timeout=72\r\n/);
    expect(text()).toMatch(/Date: \w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT\r\n/);
    socket.write("GET /health HTTP/1.1\r\nHost: x\r\n\r\n");
    expect((await statuses(21)).at(-1)).toBe(200);
    socket.write(raw());
    expect((await statuses(22)).at(-1)).toBe(202);
    expect(seen()).toBe(2);
    socket.destroy();
  });

  test("several at once, and one in pieces, are all answered, in order", async () => {
    const { socket, statuses } = await open();
    socket.write(raw());
    socket.write(raw("[]"));
    socket.write(raw() + raw("[]"));
    expect(await statuses(4)).toEqual([202, 400, 202, 400]);
    const last = raw();
    for (const piece of [last.slice(0, 9), last.slice(9, 150), last.slice(150)]) {
      socket.write(piece);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect((await statuses(5)).at(-1)).toBe(202);
    socket.destroy();
  });

  test("a client that ends after its push gets its answer, then the end", async () => {
    const { socket, ended } = await open();
    socket.end(raw());
    expect(await ended).toMatch(/^HTTP\/1\.1 202 Accepted\r\n/);
  });

  test("a client that leaves before the answer harms nobody, and its push is stored", async () => {
    const { socket } = await open();
    const text = JSON.stringify(sample({ target: "left", check: "dns" }));
    socket.write(raw(text), () => socket.resetAndDestroy());
    await vi.waitFor(async () => {
      const { rows } = await api.db.pool.query(
        "SELECT FROM samples JOIN series USING (series_id) WHERE target = 'left'",
      );
      expect(rows).toHaveLength(1);
    }, 10_000);
    expect((await overWire(JSON.stringify(sample()))).status).toBe(202);
  });

  test("an API that stops tells its clients, and waits for none that is idle", async () => {
    const other = await startTestApi();
    await other.app.listen({ host: "127.0.0.1", port: 0 });
    const { authorization } = await other.bearer("probe", "probe-plain");
    const mine = bearer;
    bearer = { authorization };
    try {
      const seen = countHttp(other);
      const idle = await open(portOf(other));
      idle.socket.write(raw());
      await idle.statuses(1);
      const fresh = await open(portOf(other));
      await Promise.all([other.close(), idle.ended, fresh.ended]);
      expect(seen()).toBe(0);
    } finally {
      bearer = mine;
    }
  });
});
