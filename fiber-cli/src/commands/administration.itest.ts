import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { findToken } from "#db";
import { packageRoot, runCommand } from "#runtime";
import { createTestDatabase, type TestDatabase } from "#testkit";

let database: TestDatabase;
let folder: string;

beforeAll(async () => {
  database = await createTestDatabase();
  folder = mkdtempSync(join(tmpdir(), "fiber-admin-"));
});
afterAll(async () => {
  await database.drop();
  rmSync(folder, { recursive: true, force: true });
});

/** Runs `fiber …` as its users do, without a terminal. */
function fiber(...args: string[]) {
  const main = ["--import", "tsx", "--conditions=source", "fiber-cli/src/main.ts"];
  return runCommand([process.execPath, ...main, ...args], {
    cwd: packageRoot,
    env: {
      FIBER_DATABASE_URL: database.url,
      FIBER_STATE_DIR: folder,
      FIBER_PROBE_CONFIG: join(folder, "probe.yaml"),
      NO_COLOR: "1",
    },
  });
}

test("a token is issued once, listed without its text, and revoked only after a yes", async () => {
  const issued = await fiber("token", "issue", "--node", "probe-1", "--label", "roof");
  expect(issued).toMatchObject({ exitCode: 0, stderr: "" });
  const token = issued.stdout;
  expect(token).toMatch(/^fbr_[\w-]{43}$/);
  expect(await findToken(database.pool, token)).toMatchObject({ role: "probe", revoked: false });

  const listed = await fiber("token", "list", "--json");
  expect(listed.stdout).not.toContain(token);
  const [entry] = JSON.parse(listed.stdout);
  expect(entry).toMatchObject({ role: "probe", node_id: "probe-1", label: "roof" });

  const unasked = await fiber("token", "revoke", entry.token_id);
  expect(unasked.exitCode).toBe(2);
  expect(unasked.stderr).toContain("--yes");
  expect((await fiber("token", "revoke", entry.token_id, "--dry-run")).stdout).toMatch(
    /^To revoke/,
  );
  expect(await findToken(database.pool, token)).toMatchObject({ revoked: false });

  expect((await fiber("token", "revoke", entry.token_id, "--yes")).exitCode).toBe(0);
  expect(await findToken(database.pool, token)).toMatchObject({ revoked: true });
  expect((await fiber("token", "revoke", "no-such-token", "--yes")).exitCode).toBe(3);
});

test("a probe's token needs its node, and an operator's takes none", async () => {
  expect(await fiber("token", "issue")).toMatchObject({ exitCode: 2, stdout: "" });
  expect((await fiber("token", "issue", "--node", "../etc")).exitCode).toBe(2);
  expect((await fiber("token", "issue", "--role", "viewer", "--node", "x")).exitCode).toBe(2);
  expect((await fiber("token", "issue", "--role", "king")).exitCode).toBe(2);
});

test("a node is listed, shown, and removed only after a yes", async () => {
  expect((await fiber("node", "list")).stdout).toMatch(/^No nodes yet/);
  await database.pool.query(
    "INSERT INTO nodes (node_id, country, region) VALUES ('probe-2', 'KE', 'Mombasa')",
  );
  expect((await fiber("node", "list")).stdout).toMatch(/probe-2\s+STALE.*KE\s+Mombasa/);
  expect(JSON.parse((await fiber("node", "show", "probe-2", "--json")).stdout)).toMatchObject({
    node_id: "probe-2",
    region: "Mombasa",
    state: "STALE",
  });
  expect((await fiber("node", "show", "probe-3")).exitCode).toBe(3);
  expect((await fiber("node", "remove", "probe-2")).exitCode).toBe(2);
  expect((await fiber("node", "remove", "probe-2", "--yes")).exitCode).toBe(0);
  expect((await fiber("node", "show", "probe-2")).exitCode).toBe(3);
});

test("targets are added to probe.yaml, listed, refused twice, and removed", async () => {
  const added = await fiber("target", "add", "https://example.net/", "--expect-status", "200");
  expect(added).toMatchObject({ exitCode: 0 });
  expect(readFileSync(join(folder, "probe.yaml"), "utf8")).toBe(
    "targets:\n  - { host: https://example.net/, check: http, expect: { status: 200 } }\n",
  );
  expect((await fiber("target", "add", "https://example.net/")).exitCode).toBe(3);
  expect((await fiber("target", "add", "bad host")).exitCode).toBe(2);
  expect((await fiber("target", "list")).stdout).toMatch(/http\s+https:\/\/example\.net\//);
  expect((await fiber("target", "remove", "192.0.2.9", "--yes")).exitCode).toBe(3);
  expect((await fiber("target", "remove", "https://example.net/", "--yes")).exitCode).toBe(0);
  expect(JSON.parse((await fiber("target", "list", "--json")).stdout)).toEqual([]);
});

test("a target is measured once: an answer is 0, none is 1", async () => {
  const server = createServer((socket) => socket.end()).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as { port: number };
  const answered = await fiber("target", "test", `127.0.0.1:${port}`, "--json");
  expect(answered.exitCode).toBe(0);
  expect(JSON.parse(answered.stdout)).toMatchObject({
    check: "tcp",
    kind: "measured",
    figures: { lossPct: 0 },
  });
  await new Promise((resolve) => server.close(resolve));
  const refused = await fiber("target", "test", `127.0.0.1:${port}`);
  expect(refused.exitCode).toBe(1);
  expect(refused.stdout).toContain("loss 100 %");
});

test("a database that is away is named, without its password", async () => {
  const main = ["--import", "tsx", "--conditions=source", "fiber-cli/src/main.ts"];
  const failed = await runCommand([process.execPath, ...main, "node", "list"], {
    cwd: packageRoot,
    env: { FIBER_DATABASE_URL: "postgres://postgres:hush@127.0.0.1:1/fiberstack" },
  });
  expect(failed.exitCode).toBe(1);
  expect(failed.stderr).toContain("127.0.0.1:1/fiberstack cannot be reached");
  expect(failed.stderr).not.toContain("hush");
});
