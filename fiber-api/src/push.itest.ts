import { gzipSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { errorBodySchema, PUSH_LIMITS, pushAcceptedSchema } from "#contracts";
import { makeSample, startTestApi, type TestApi } from "./api.itest-kit.js";

let api: TestApi;
let admin: { authorization: string };
beforeAll(async () => {
  api = await startTestApi();
  admin = await api.bearer("admin");
});
afterAll(() => api.close());

// Whatever was sent, the server lives and stores the next sample.
afterEach(async () => {
  const sample = makeSample();
  const answer = await push(sample);
  expect(answer.json()).toEqual({ status: "accepted", data: { queued: 1 } });
  expect(await stored(sample.node_id)).toBe(1);
});

function push(payload: unknown, headers: Record<string, string> = admin) {
  return api.app.inject({
    method: "POST",
    url: "/api/push",
    headers: { "content-type": "application/json", ...headers },
    payload: payload as string,
  });
}

async function refused(payload: unknown, headers?: Record<string, string>) {
  const answer = await push(payload, { ...admin, ...headers });
  const body = errorBodySchema.parse(answer.json());
  expect(body.request_id).toBe(answer.headers["x-request-id"]);
  return [answer.statusCode, body.code];
}

async function stored(nodeId: unknown): Promise<number> {
  const { rows } = await api.db.pool.query<{ n: number }>(
    `SELECT count(*)::int AS n FROM samples JOIN series USING (series_id) WHERE node_id = $1`,
    [nodeId],
  );
  return rows[0]?.n ?? 0;
}

describe("shapes", () => {
  test("one sample", async () => {
    expect((await push(makeSample())).statusCode).toBe(202);
  });

  test("an array", async () => {
    const answer = await push([makeSample(), makeSample()]);
    expect(pushAcceptedSchema.parse(answer.json())).toEqual({
      status: "accepted",
      data: { queued: 2 },
    });
  });

  test("an envelope, whose node stands in for samples that name none", async () => {
    const { node_id, ...rest } = makeSample();
    const other = makeSample();
    const answer = await push({
      node_id,
      metrics: [rest, { ...rest, timestamp: Date.now() - 5 }, other],
    });
    expect(answer.json()).toMatchObject({
      data: { queued: 2 },
      rejected: [{ index: 2, code: "NODE_MISMATCH" }],
    });
    expect([await stored(node_id), await stored(other.node_id)]).toEqual([2, 0]);
  });

  test("a thousand samples", async () => {
    const now = Date.now();
    const { node_id } = makeSample();
    const batch = Array.from({ length: 1_000 }, (_, i) =>
      makeSample({ node_id, timestamp: now - i }),
    );
    expect((await push(batch)).json()).toEqual({ status: "accepted", data: { queued: 1_000 } });
    expect(await stored(node_id)).toBe(1_000);
    // Sent again it is accepted, and stored once.
    expect((await push(batch)).statusCode).toBe(202);
    expect(await stored(node_id)).toBe(1_000);
  });

  test("gzip", async () => {
    const sample = makeSample();
    const answer = await push(gzipSync(JSON.stringify([sample])), {
      ...admin,
      "content-encoding": "gzip",
    });
    expect(answer.statusCode).toBe(202);
    expect(await stored(sample.node_id)).toBe(1);
  });
});

describe("one bad sample does not harm the others", () => {
  test.each<[string, Record<string, unknown>, string]>([
    ["a bad node id", { node_id: "../../etc/passwd" }, "INVALID_SAMPLE"],
    ["no node id", { node_id: undefined }, "INVALID_SAMPLE"],
    ["a latency out of range", { latency_ms: 60_001 }, "INVALID_SAMPLE"],
    ["a latency as text", { latency_ms: "12" }, "INVALID_SAMPLE"],
    ["NaN, which JSON makes null, as a share", { uptime_pct: Number.NaN }, "INVALID_SAMPLE"],
    ["the year 9999", { timestamp: "9999-12-31T23:59:59Z" }, "TIMESTAMP_TOO_NEW"],
    ["a probe ten minutes ahead", { timestamp: Date.now() + 600_000 }, "TIMESTAMP_TOO_NEW"],
    ["a sample of last month", { timestamp: Date.now() - 30 * 86_400_000 }, "TIMESTAMP_TOO_OLD"],
    ["an invalid date", { timestamp: "2026-02-30T00:00:00Z" }, "INVALID_SAMPLE"],
    ["a NUL in the region", { region: "a\0b" }, "INVALID_SAMPLE"],
    ["a NUL in metadata", { metadata: { a: "x\0" } }, "INVALID_SAMPLE"],
    ["large metadata", { metadata: { a: "x".repeat(5_000) } }, "METADATA_TOO_LARGE"],
  ])("%s is refused by its index", async (_name, fields, code) => {
    const [first, last] = [makeSample(), makeSample()];
    const answer = await push([first, makeSample(fields), last]);
    expect(answer.statusCode).toBe(202);
    expect(answer.json()).toMatchObject({ data: { queued: 2 }, rejected: [{ index: 1, code }] });
    expect([await stored(first.node_id), await stored(last.node_id)]).toEqual([1, 1]);
  });

  test("values that are no samples at all", async () => {
    const good = makeSample();
    const answer = await push([null, 5, "x", [], good, {}]);
    expect(answer.json().rejected.map((r: { index: number }) => r.index)).toEqual([0, 1, 2, 3, 5]);
    expect(await stored(good.node_id)).toBe(1);
  });

  test("unknown fields are ignored", async () => {
    expect((await push(makeSample({ colour: "blue", nested: { a: [1] } }))).statusCode).toBe(202);
  });

  test("a clock up to five minutes ahead is taken", async () => {
    expect((await push(makeSample({ timestamp: Date.now() + 299_000 }))).statusCode).toBe(202);
  });

  test("as old as samples are kept is taken", async () => {
    const timestamp = Date.now() - 7 * 86_400_000 + 60_000;
    const sample = makeSample({ timestamp });
    expect((await push(sample)).statusCode).toBe(202);
    expect(await stored(sample.node_id)).toBe(1);
  });

  test("samples of a deleted node are refused, the others stored", async () => {
    const [gone, kept] = [makeSample(), makeSample()];
    await push(gone);
    const deleted = await api.app.inject({
      method: "DELETE",
      url: `/api/nodes/${gone.node_id}`,
      headers: admin,
    });
    expect(deleted.statusCode).toBe(200);
    const again = { ...gone, timestamp: Date.now() - 1_000 };
    // The writer hears of the deletion a moment after the answer to it.
    await vi.waitFor(async () => expect((await push(again)).statusCode).toBe(410), 10_000);
    const before = await stored(gone.node_id);
    const answer = await push([again, kept]);
    expect(answer.json()).toMatchObject({
      data: { queued: 1 },
      rejected: [{ index: 0, code: "NODE_DELETED" }],
    });
    expect([await stored(gone.node_id), await stored(kept.node_id)]).toEqual([before, 1]);
    expect(await refused(again)).toEqual([410, "NODE_DELETED"]);
  });
});

describe("hostile bodies", () => {
  test("nothing usable", async () => {
    expect(await refused([])).toEqual([400, "MALFORMED_BATCH"]);
    expect(await refused([{}, 1])).toEqual([400, "MALFORMED_BATCH"]);
    expect(await refused("{}")).toEqual([400, "MALFORMED_BATCH"]);
    expect(await refused("5")).toEqual([400, "MALFORMED_BATCH"]);
    expect(await refused({ node_id: "a", metrics: [] })).toEqual([400, "MALFORMED_BATCH"]);
  });

  test("an empty body, and no JSON", async () => {
    expect(await refused("")).toEqual([400, "MALFORMED_JSON"]);
    expect(await refused("{")).toEqual([400, "MALFORMED_JSON"]);
    expect(await refused('{"latency_ms": NaN}')).toEqual([400, "MALFORMED_JSON"]);
    expect(await refused("\0\0\0")).toEqual([400, "MALFORMED_JSON"]);
  });

  test("invalid UTF-8", async () => {
    const text = Buffer.from(JSON.stringify(makeSample({ region: "Xccra" })));
    text[text.indexOf("Xccra")] = 0xff;
    expect(await refused(text)).toEqual([400, "MALFORMED_JSON"]);
  });

  test("deep nesting", async () => {
    const deep = (n: number) => `${"[".repeat(n)}${"]".repeat(n)}`;
    expect(await refused(deep(17))).toEqual([400, "NESTING_TOO_DEEP"]);
    expect(await refused(deep(16))).toEqual([400, "MALFORMED_BATCH"]);
    expect(await refused("[".repeat(5_000_000))).toEqual([400, "NESTING_TOO_DEEP"]);
    expect(await refused(`{"a":`.repeat(100_000))).toEqual([400, "NESTING_TOO_DEEP"]);
  });

  test("brackets in texts are no nesting", async () => {
    const sample = makeSample({ metadata: { note: `${"[{".repeat(50)}\\"[[` } });
    expect((await push([sample])).statusCode).toBe(202);
  });

  test("too many samples", async () => {
    expect(await refused(Array.from({ length: 1_001 }, () => 1))).toEqual([
      413,
      "PAYLOAD_TOO_LARGE",
    ]);
  });

  test("11 MB", async () => {
    const body = JSON.stringify([makeSample({ filler: "x".repeat(11 * 1024 * 1024) })]);
    expect(await refused(body)).toEqual([413, "PAYLOAD_TOO_LARGE"]);
  });

  test("a gzip bomb", async () => {
    const bomb = gzipSync(Buffer.alloc(200 * 1024 * 1024, 0x20), { level: 9 });
    expect(bomb.length).toBeLessThan(PUSH_LIMITS.bodyBytes);
    const before = process.memoryUsage().rss;
    expect(await refused(bomb, { "content-encoding": "gzip" })).toEqual([413, "PAYLOAD_TOO_LARGE"]);
    expect(process.memoryUsage().rss - before).toBeLessThan(100 * 1024 * 1024);
  });

  test("no gzip, and another coding", async () => {
    expect(await refused("[]", { "content-encoding": "gzip" })).toEqual([400, "MALFORMED_JSON"]);
    expect(await refused("[]", { "content-encoding": "br" })).toEqual([
      415,
      "UNSUPPORTED_MEDIA_TYPE",
    ]);
  });

  test.each([
    "text/plain",
    "application/x-www-form-urlencoded",
    "application/xml",
    "multipart/form-data; boundary=x",
    "application/json; charset=utf-16",
  ])("content type %s", async (type) => {
    expect(await refused("[]", { "content-type": type })).toEqual([415, "UNSUPPORTED_MEDIA_TYPE"]);
  });

  test("duplicate keys: the last one counts", async () => {
    const sample = makeSample();
    const text = JSON.stringify(sample).replace("{", '{"node_id":"../first",');
    expect((await push(text)).statusCode).toBe(202);
    expect(await stored(sample.node_id)).toBe(1);
  });

  test("__proto__ and constructor are only unknown fields", async () => {
    const sample = makeSample();
    const text = JSON.stringify(sample).replace(
      "{",
      '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},',
    );
    expect((await push(`[${text}]`)).json()).toEqual({ status: "accepted", data: { queued: 1 } });
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });
});

describe("a database that refuses", () => {
  test("a fence answers 503 with Retry-After, and ends", async () => {
    await api.db.pool.query(
      `INSERT INTO ingest_fence (reason, raised_by, expires_at)
       VALUES ('a test', 'push.itest', now() + interval '20 s')`,
    );
    await expect
      .poll(async () => (await push(makeSample())).json().code, { timeout: 20_000 })
      .toBe("INGEST_FENCED");
    const answer = await push(makeSample());
    expect(answer.statusCode).toBe(503);
    expect(Number(answer.headers["retry-after"])).toBeGreaterThan(0);
    await api.db.pool.query("DELETE FROM ingest_fence");
    await expect
      .poll(async () => (await push(makeSample())).statusCode, { timeout: 20_000 })
      .toBe(202);
  });
});
