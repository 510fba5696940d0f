import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { errorBodySchema, statusSchema } from "#contracts";
import { downgrade, type EmbeddedPostgres, startEmbeddedPostgres, upgrade } from "#db";
import { startScratchPostgres } from "#testkit";
import { makeSample, startTestApi, type TestApi } from "./api.itest-kit.js";

async function status(api: TestApi) {
  const answer = await api.app.inject({ url: "/api/status" });
  return { http: answer.statusCode, ...statusSchema.parse(answer.json()) };
}

const eventually = { timeout: 20_000, interval: 200 };

describe("with a database", () => {
  let api: TestApi;
  beforeAll(async () => {
    api = await startTestApi();
  });
  afterAll(() => api.close());

  test("an empty fleet is ok, with the migration's name", async () => {
    expect(await status(api)).toMatchObject({
      http: 200,
      status: "ok",
      data: {
        release: "test",
        migration: expect.stringMatching(/^0/),
        database: "ok",
        ingest: { log: "direct", fenced: false },
        probes: { expected: 0, reporting: 0 },
      },
    });
  });

  test("silent probes degrade it", async () => {
    const headers = await api.bearer("admin");
    const payload = { node_id: "silent", country: "GH", region: "Accra" };
    await api.app.inject({ method: "POST", url: "/api/nodes", headers, payload });
    await expect
      .poll(() => status(api), eventually)
      .toMatchObject({
        http: 200,
        status: "degraded",
        code: "PROBES_SILENT",
        data: { probes: { expected: 1, reporting: 0 } },
      });
    await api.app.inject({ method: "DELETE", url: "/api/nodes/silent", headers });
  });

  test("a fence degrades it, and says who raised it and why", async () => {
    await api.db.pool.query(
      `INSERT INTO ingest_fence (reason, raised_by, expires_at)
       VALUES ('restore to v1', 'fiber rollback', now() + interval '60 s')`,
    );
    await expect
      .poll(() => status(api), eventually)
      .toMatchObject({
        http: 200,
        status: "degraded",
        code: "INGEST_FENCED",
        message: expect.stringContaining("fiber rollback: restore to v1"),
        data: { ingest: { fenced: true } },
      });
    await api.db.pool.query("DELETE FROM ingest_fence");
    await expect.poll(async () => (await status(api)).status, eventually).toBe("ok");
  });

  test("a schema changed by hand is inconsistent, with the remedy", async () => {
    await api.db.pool.query("ALTER TABLE posture RENAME COLUMN reason TO why");
    await expect
      .poll(() => status(api), eventually)
      .toMatchObject({
        http: 503,
        status: "down",
        code: "SCHEMA_INCONSISTENT",
        message: expect.stringContaining("fiber restore"),
        data: { database: "schema_inconsistent" },
      });
    await api.db.pool.query("ALTER TABLE posture RENAME COLUMN why TO reason");
    await expect.poll(async () => (await status(api)).status, eventually).toBe("ok");
  });

  test("down and up again without a restart", async () => {
    const headers = await api.bearer("admin");
    const push = () =>
      api.app.inject({ method: "POST", url: "/api/push", headers, payload: makeSample() });
    expect((await push()).statusCode).toBe(202);
    const options = { connectionString: api.db.url };
    await downgrade({ ...options, target: "base" });
    await expect
      .poll(() => status(api), eventually)
      .toMatchObject({
        http: 503,
        status: "down",
        code: "SCHEMA_BEHIND",
        message: expect.stringContaining("fiber migrate upgrade head"),
        data: { migration: null, database: "schema_behind" },
      });
    const reading = await api.app.inject({ url: "/api/metrics" });
    expect([reading.statusCode, reading.json().code]).toEqual([503, "SCHEMA_INCONSISTENT"]);
    expect(reading.body).not.toMatch(/relation|select|nodes n/i);
    await upgrade(options);
    await expect.poll(async () => (await status(api)).status, eventually).toBe("ok");
    // The token went with its table; a new one works at once.
    const [anew, sample] = [await api.bearer("admin"), makeSample()];
    await expect
      .poll(
        async () =>
          (
            await api.app.inject({
              method: "POST",
              url: "/api/push",
              headers: anew,
              payload: sample,
            })
          ).statusCode,
        eventually,
      )
      .toBe(202);
    const rounds = (await api.app.inject({ url: "/api/metrics" })).json();
    expect(rounds).toHaveLength(1);
  });
});

test("a database that goes away is an answer, and it recovers without a restart", async () => {
  const server = await startScratchPostgres({});
  let restarted: EmbeddedPostgres | null = null;
  try {
    const url = server.url("postgres");
    await upgrade({ connectionString: url });
    const api = await startTestApi({ url });
    try {
      expect((await status(api)).status).toBe("ok");
      const headers = await api.bearer("admin");
      await server.stop();
      await expect
        .poll(() => status(api), eventually)
        .toMatchObject({
          http: 503,
          status: "down",
          code: "DATABASE_UNAVAILABLE",
          data: { database: "unreachable" },
        });
      expect((await api.app.inject({ url: "/health" })).statusCode).toBe(200);
      for (const request of [
        { url: "/api/metrics" },
        { url: "/api/nodes" },
        { method: "POST" as const, url: "/api/push", headers, payload: makeSample() },
      ]) {
        const answer = await api.app.inject(request);
        const body = errorBodySchema.parse(answer.json());
        expect([request.url, answer.statusCode, body.code]).toEqual([
          request.url,
          503,
          "DATABASE_UNAVAILABLE",
        ]);
        expect(Number(answer.headers["retry-after"])).toBeGreaterThan(0);
      }
      const { stateDir, port } = server;
      restarted = await startEmbeddedPostgres({ stateDir, port, log: api.log });
      await expect.poll(async () => (await status(api)).status, eventually).toBe("ok");
      await expect
        .poll(async () => {
          const payload = makeSample();
          const request = { method: "POST" as const, url: "/api/push", headers, payload };
          return (await api.app.inject(request)).statusCode;
        }, eventually)
        .toBe(202);
    } finally {
      await api.close();
    }
  } finally {
    await restarted?.stop();
    await server.remove();
  }
});
