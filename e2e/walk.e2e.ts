import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  createTestStack,
  eventually,
  isListening,
  readMetrics,
  run,
  type TestStack,
} from "./test-stack.js";

const PROBES = ["probe-gh-accra", "probe-ke-nairobi", "probe-ng-lagos"];

let stack: TestStack;
let supervisor: ChildProcess;

beforeAll(async () => {
  stack = await createTestStack();
  supervisor = await stack.up();
});
afterAll(() => stack.cleanUp());

test("three probes report within 60 seconds, each with real targets", async () => {
  const rounds = await eventually("three probes in /api/metrics", async () => {
    const found = await readMetrics(stack.apiUrl);
    return found.length === 3 && found;
  });
  expect(rounds.map((round) => round.node_id).sort()).toEqual(PROBES);
  for (const round of rounds) {
    expect(round).toMatchObject({ demo: true, country: expect.stringMatching(/^[A-Z]{2}$/) });
    const { targets } = round as unknown as { targets: { check: string }[] };
    expect(new Set(targets.map((target) => target.check))).toEqual(
      new Set(["icmp", "tcp", "http"]),
    );
  }
});

test("the dashboard serves its page and passes /api on", async () => {
  const page = await fetch(`${stack.dashboardUrl}/`);
  expect(page.status).toBe(200);
  expect(page.headers.get("content-type")).toMatch(/^text\/html/);
  expect(await page.text()).toMatch(/<script[^>]+src=/);
  expect(await readMetrics(stack.dashboardUrl)).toHaveLength(3);
});

test("a second start is refused with 75 and names the first", async () => {
  const second = await stack.fiber("up");
  expect(second.code).toBe(75);
  expect(second.stderr).toContain(`process ${supervisor.pid}`);
  expect(second.stderr).toContain("down");
  expect((await stack.status()).phase).toBe("running");
});

test("status names every role and how to reach the database", async () => {
  const { stdout, code } = await stack.fiber("status");
  expect(code).toBe(0);
  for (const role of ["api", "dashboard", "demo-target", ...PROBES]) expect(stdout).toContain(role);
  const file = join(stack.stateDir, "pgpass");
  expect(stdout).toContain(`export PGPASSFILE=${file}`);
  const listed = await run(
    "psql",
    ["-h", "localhost", "-p", String(stack.ports.pg), "-U", "postgres", "-Atc", "SELECT 1"],
    { env: { ...stack.env, PGPASSFILE: file, PGDATABASE: "fiberstack" } },
  );
  expect(listed).toMatchObject({ code: 0, stdout: "1\n" });
});

test("secrets are readable by their owner only", () => {
  for (const name of ["admin.token", "pgpass", "agent.sock"]) {
    expect(statSync(join(stack.stateDir, name)).mode & 0o077, name).toBe(0);
  }
  expect(statSync(join(stack.stateDir, "tokens")).mode & 0o077).toBe(0);
});

test("the schema goes down to its base and up again, and the probes come back", async () => {
  const before = await schemaOf(stack);
  expect((await stack.fiber("migrate", "downgrade", "base", "--yes")).code).toBe(0);
  expect(await schemaOf(stack)).not.toContain("CREATE TABLE public.samples");
  expect((await stack.fiber("migrate", "upgrade", "head")).code).toBe(0);
  await eventually(
    "three probes again",
    async () => (await readMetrics(stack.apiUrl)).length === 3,
  );
  await eventually("the same schema", async () => (await schemaOf(stack)) === before);
});

test("TERM stops everything: no process, no port, no lock is left", async () => {
  const ended = once(supervisor, "exit");
  supervisor.kill("SIGTERM");
  expect(await ended).toEqual([0, null]);
  expect(stack.processes()).toEqual([]);
  for (const port of Object.values(stack.ports)) expect(await isListening(port)).toBe(false);
  expect((await stack.fiber("status")).code).toBe(1);
});

/** The schema as pg_dump tells it, without what differs from dump to dump. */
async function schemaOf({ ports, stateDir, env }: TestStack): Promise<string> {
  const dump = await run(
    "pg_dump",
    ["-h", "localhost", "-p", String(ports.pg), "-U", "postgres", "--schema-only", "fiberstack"],
    { env: { ...env, PGPASSFILE: join(stateDir, "pgpass") } },
  );
  if (dump.code !== 0) throw new Error(`pg_dump: ${dump.stderr}`);
  return dump.stdout.replaceAll(/^\\(un)?restrict .*$/gm, "");
}
