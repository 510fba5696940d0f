import { afterEach, beforeEach, expect, it, vi } from "vitest";
import {
  createPool,
  type DbPool,
  issueToken,
  revokeToken,
  startEmbeddedPostgres,
  upgrade,
} from "#db";
import { createLogger } from "#runtime";
import { type ScratchPostgres, startScratchPostgres } from "#testkit";
import { createTokenCache } from "./token-cache.js";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

/** Longer than an answer is remembered while the database is there. */
const OLD_MS = 3_200;

let server: ScratchPostgres;
let pool: DbPool;
beforeEach(async () => {
  server = await startScratchPostgres();
  const url = server.url("fiberstack");
  await upgrade({ connectionString: url });
  pool = createPool({ connectionString: url, applicationName: "test", max: 2, onError() {} });
});
afterEach(async () => {
  await pool.end();
  await server.remove();
});

it("answers each of many at once, in few queries", async () => {
  const issued = await Promise.all(
    Array.from({ length: 300 }, (_, i) =>
      issueToken(pool, { role: "probe", nodeId: `node-${i}`, label: "t" }),
    ),
  );
  let queries = 0;
  const counting = {
    query: (...args: Parameters<DbPool["query"]>) => {
      queries++;
      return pool.query(...args);
    },
  } as unknown as DbPool;
  const cache = createTokenCache(counting);
  const nobody = `fbr_${"x".repeat(43)}`;
  const found = await Promise.all([
    ...issued.map(({ token }) => cache.find(token)),
    ...issued.map(({ token }) => cache.find(token)),
    cache.find(nobody),
    cache.find("no token at all"),
  ]);
  expect(found.slice(0, 300).map((holder) => holder?.nodeId)).toEqual(
    Array.from({ length: 300 }, (_, i) => `node-${i}`),
  );
  expect(found.slice(300, 600)).toEqual(found.slice(0, 300));
  expect(found.slice(600)).toEqual([null, null]);
  expect(queries).toBeLessThanOrEqual(3);
});

it("takes holders at the database's last word while it is away, and its new word when it is back", async () => {
  const known = await issueToken(pool, { role: "probe", nodeId: "known", label: "t" });
  const unseen = await issueToken(pool, { role: "probe", nodeId: "unseen", label: "t" });
  const revoked = await issueToken(pool, { role: "probe", nodeId: "revoked", label: "t" });
  await revokeToken(pool, revoked.tokenId);
  const cache = createTokenCache(pool);
  await cache.find(known.token);
  await cache.find(revoked.token);
  process.kill(server.pid, "SIGKILL");
  await new Promise((resolve) => setTimeout(resolve, OLD_MS));
  expect(await cache.find(known.token)).toMatchObject({ nodeId: "known", revoked: false });
  expect(cache.peek(known.token)).toMatchObject({ nodeId: "known" });
  expect(await cache.find(revoked.token)).toMatchObject({ revoked: true });
  await expect(cache.find(unseen.token)).rejects.toThrow();
  const { stateDir, port } = server;
  const log = createLogger({ role: "test", level: "silent" });
  await startEmbeddedPostgres({ stateDir, port, log });
  await vi.waitUntil(() =>
    revokeToken(pool, known.tokenId).then(
      () => true,
      () => false,
    ),
  );
  await vi.waitUntil(async () => (await cache.find(known.token))?.revoked === true, {
    timeout: 30_000,
  });
  expect(await cache.find(unseen.token)).toMatchObject({ nodeId: "unseen" });
});
