import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Role } from "#contracts";
import { issueToken, revokeToken } from "#db";
import { makeSample, startTestApi, type TestApi } from "./api.itest-kit.js";

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.close());

type Call = { method: "GET" | "POST" | "PATCH" | "DELETE"; url: string; payload?: object };

const read: Call = { method: "GET", url: "/api/nodes" };
const create: Call = {
  method: "POST",
  url: "/api/nodes",
  payload: { node_id: "matrix", country: "KE", region: "Nairobi" },
};
const change: Call = { method: "PATCH", url: "/api/nodes/none", payload: { region: "Kisumu" } };
const remove: Call = { method: "DELETE", url: "/api/nodes/none" };
const push: Call = { method: "POST", url: "/api/push", payload: [] };

describe("roles", () => {
  // What each call answers when it is let in; 403 means it is not.
  test.each<[Role, number[]]>([
    ["viewer", [200, 403, 403, 403, 403]],
    ["operator", [200, 201, 404, 403, 403]],
    ["admin", [200, 409, 404, 404, 400]],
    ["probe", [403, 403, 403, 403, 400]],
  ])("%s", async (role, expected) => {
    const headers = await api.bearer(role, role === "probe" ? "matrix-probe" : undefined);
    const seen = [];
    for (const call of [read, create, change, remove, push]) {
      seen.push((await api.app.inject({ ...call, headers })).statusCode);
    }
    expect(seen).toEqual(expected);
  });

  test("anyone may ask for name, liveness, status, counts and documents", async () => {
    const headers = { host: "fiber.example.net" };
    for (const url of ["/", "/health", "/api/status", "/metrics", "/docs/json"]) {
      expect([url, (await api.app.inject({ url, headers })).statusCode]).toEqual([url, 200]);
    }
  });
});

describe("anonymous on loopback", () => {
  const ask = async (headers: Record<string, string>, remoteAddress = "127.0.0.1") =>
    (await api.app.inject({ url: "/api/metrics", headers, remoteAddress })).statusCode;

  test.each(["localhost", "localhost:8000", "127.0.0.1:8000", "[::1]:8000", "LOCALHOST:1"])(
    "Host %s may read",
    async (host) => expect(await ask({ host })).toBe(200),
  );

  test.each(["evil.example", "localhost.evil.example:8000", "10.0.0.5:8000", "127.0.0.1.nip.io"])(
    "Host %s may not: its name may have been rebound",
    async (host) => expect(await ask({ host })).toBe(401),
  );

  test("a forwarded host counts too", async () => {
    const host = "127.0.0.1:8000";
    expect(await ask({ host, "x-forwarded-host": "localhost:4000" })).toBe(200);
    expect(await ask({ host, "x-forwarded-host": "evil.example:4000" })).toBe(401);
  });

  test("a client elsewhere may not, even behind a trusted proxy", async () => {
    const host = "localhost:8000";
    expect(await ask({ host }, "192.0.2.7")).toBe(401);
    expect(await ask({ host, "x-forwarded-for": "192.0.2.7" })).toBe(401);
    expect(await ask({ host, "x-forwarded-for": "127.0.0.1" })).toBe(200);
  });

  test("an address that claims to be forwarded for loopback is not believed", async () => {
    expect(await ask({ host: "localhost", "x-forwarded-for": "127.0.0.1" }, "192.0.2.7")).toBe(401);
  });

  test("reading is all it may do", async () => {
    for (const call of [create, change, remove, push]) {
      expect((await api.app.inject(call)).statusCode).toBe(403);
    }
  });

  test("not at all where the API or the dashboard listens elsewhere, or it is switched off", async () => {
    for (const env of [
      { FIBER_API_HOST: "0.0.0.0" },
      { FIBER_DASHBOARD_HOST: "0.0.0.0" },
      { FIBER_ANONYMOUS_ROLE: "none" },
    ]) {
      const other = await startTestApi({ env });
      const answer = await other.app.inject({
        url: "/api/metrics",
        headers: { host: "localhost" },
      });
      expect([answer.statusCode, answer.json().code]).toEqual([401, "UNAUTHENTICATED"]);
      await other.close();
    }
  });

  test("anywhere where it is set so", async () => {
    const other = await startTestApi({
      env: { FIBER_ANONYMOUS_ROLE: "viewer", FIBER_API_HOST: "0.0.0.0" },
    });
    const answer = await other.app.inject({
      url: "/api/metrics",
      headers: { host: "fiber-api:8000" },
    });
    expect(answer.statusCode).toBe(200);
    await other.close();
  });
});

describe("tokens", () => {
  const ask = async (authorization: string) => {
    const answer = await api.app.inject({ url: "/api/nodes", headers: { authorization } });
    return [answer.statusCode, answer.json().code];
  };

  test.each([
    "",
    "Bearer",
    "Basic dXNlcjpwYXNz",
    "Bearer nonsense",
    `Bearer fbr_${"A".repeat(43)}`,
    "Bearer a b",
  ])("%j is refused", async (authorization) => {
    expect(await ask(authorization)).toEqual([401, "UNAUTHENTICATED"]);
  });

  test("the scheme's case does not matter", async () => {
    const { authorization } = await api.bearer("viewer");
    expect((await ask(authorization.replace("Bearer", "bearer")))[0]).toBe(200);
  });

  test("a revoked token ends within seconds", async () => {
    const { token, tokenId } = await issueToken(api.db.pool, { role: "viewer", label: "t" });
    expect((await ask(`Bearer ${token}`))[0]).toBe(200);
    expect(await revokeToken(api.db.pool, tokenId)).toBe(true);
    expect(await revokeToken(api.db.pool, tokenId)).toBe(false);
    await expect
      .poll(() => ask(`Bearer ${token}`), { timeout: 10_000 })
      .toEqual([401, "UNAUTHENTICATED"]);
  });

  test("only hashes are stored", async () => {
    const { token } = await issueToken(api.db.pool, { role: "viewer", label: "t" });
    const { rows } = await api.db.pool.query(
      "SELECT access_tokens::text AS row FROM access_tokens",
    );
    expect(rows.some(({ row }) => row.includes(token) || row.includes(token.slice(4)))).toBe(false);
  });

  test("a probe's token is for one node, and a node's token is a probe's", async () => {
    await expect(issueToken(api.db.pool, { role: "probe", label: "t" })).rejects.toThrow("node");
    await expect(
      issueToken(api.db.pool, { role: "admin", nodeId: "a", label: "t" }),
    ).rejects.toThrow("node");
  });

  test("a probe may only speak for its own node", async () => {
    const headers = await api.bearer("probe", "mine");
    const send = (payload: object) =>
      api.app.inject({ method: "POST", url: "/api/push", headers, payload });
    const both = await send([makeSample({ node_id: "mine" }), makeSample({ node_id: "yours" })]);
    expect(both.json()).toMatchObject({
      data: { queued: 1 },
      rejected: [{ index: 1, code: "NODE_MISMATCH" }],
    });
    const other = await send(makeSample({ node_id: "yours" }));
    expect([other.statusCode, other.json().code]).toEqual([403, "NODE_MISMATCH"]);
  });

  test("a deleted node's probe is told so", async () => {
    const [admin, probe] = [await api.bearer("admin"), await api.bearer("probe", "leaving")];
    const send = () =>
      api.app.inject({
        method: "POST",
        url: "/api/push",
        headers: probe,
        payload: makeSample({ node_id: "leaving" }),
      });
    expect((await send()).statusCode).toBe(202);
    await api.app.inject({ method: "DELETE", url: "/api/nodes/leaving", headers: admin });
    const answer = await send();
    expect([answer.statusCode, answer.json().code]).toEqual([410, "NODE_DELETED"]);
  });
});

describe("rate limits", () => {
  test("reads of one caller are counted, and told", async () => {
    const limited = await startTestApi({ env: { FIBER_READS_PER_MIN: "3" } });
    const ask = (headers: Record<string, string>) =>
      limited.app.inject({ url: "/api/nodes", headers });
    const [one, two] = [await limited.bearer("viewer"), await limited.bearer("viewer")];
    const left = [];
    for (let i = 0; i < 3; i++) {
      const answer = await ask(one);
      expect(answer.statusCode).toBe(200);
      expect(answer.headers["x-ratelimit-limit"]).toBe("3");
      left.push(answer.headers["x-ratelimit-remaining"]);
    }
    expect(left).toEqual(["2", "1", "0"]);
    const refused = await ask(one);
    expect([refused.statusCode, refused.json().code]).toEqual([429, "RATE_LIMITED"]);
    expect(refused.headers).toMatchObject({
      "x-ratelimit-limit": "3",
      "x-ratelimit-remaining": "0",
    });
    expect(Number(refused.headers["retry-after"])).toBeGreaterThan(0);
    expect((await ask(two)).statusCode).toBe(200);
    // Status, liveness and counts are never limited.
    expect((await limited.app.inject({ url: "/api/status" })).statusCode).toBe(200);
    await limited.close();
  });

  test("pushes are counted by probe, anonymous reads by the client behind a trusted proxy", async () => {
    const limited = await startTestApi({
      env: { FIBER_PUSH_PER_MIN: "1", FIBER_READS_PER_MIN: "1", FIBER_ANONYMOUS_ROLE: "viewer" },
    });
    for (const nodeId of ["a", "b"]) {
      const headers = await limited.bearer("probe", nodeId);
      const send = async () =>
        (
          await limited.app.inject({
            method: "POST",
            url: "/api/push",
            headers,
            payload: makeSample({ node_id: nodeId }),
          })
        ).statusCode;
      expect([await send(), await send()]).toEqual([202, 429]);
    }
    const ask = async (client: string, remoteAddress = "127.0.0.1") => {
      const headers = { "x-forwarded-for": client };
      return (await limited.app.inject({ url: "/api/nodes", headers, remoteAddress })).statusCode;
    };
    expect([await ask("192.0.2.1"), await ask("192.0.2.1"), await ask("192.0.2.2")]).toEqual([
      200, 429, 200,
    ]);
    // From elsewhere the header is not believed.
    expect([
      await ask("192.0.2.8", "198.51.100.1"),
      await ask("192.0.2.9", "198.51.100.1"),
    ]).toEqual([200, 429]);
    await limited.close();
  });

  test("guessing tokens is slowed down, without harm to good ones", async () => {
    const limited = await startTestApi({ env: { FIBER_FAILED_LOGINS_PER_MIN: "2" } });
    const good = await limited.bearer("viewer");
    const ask = async (authorization: string) =>
      (await limited.app.inject({ url: "/api/nodes", headers: { authorization } })).statusCode;
    expect(await ask(good.authorization)).toBe(200);
    const guess = (i: number) => `Bearer fbr_${String(i).padStart(43, "A")}`;
    expect([await ask(guess(1)), await ask(guess(2)), await ask(guess(3))]).toEqual([
      401, 401, 429,
    ]);
    expect(await ask(good.authorization)).toBe(200);
    await limited.close();
  });
});
