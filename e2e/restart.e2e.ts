import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readlinkSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { agentSocket, askAgent } from "#runtime";
import {
  createTestStack,
  eventually,
  isListening,
  readMetrics,
  type TestStack,
} from "./test-stack.js";

let stack: TestStack;
let supervisor: ChildProcess;

beforeAll(async () => {
  stack = await createTestStack();
  supervisor = await stack.up();
});
afterAll(() => stack.cleanUp());

/** Asks the supervisor as a run's steps do. */
const ask = (path: string) => askAgent(agentSocket(stack.stateDir, {}), "POST", path);

const apiState = async () =>
  (await stack.status()).roles.find((role) => role.name === "api")?.state ?? null;

test("what a run stopped stays stopped when the supervisor is killed, until the run starts it again", async () => {
  await ask("/stop-writer");
  expect(await apiState()).toBe("stopped");
  const ended = once(supervisor, "exit");
  supervisor.kill("SIGKILL");
  await ended;
  supervisor = await stack.up();
  expect(stack.output()).toContain("a run has stopped what writes");
  expect(await apiState()).toBe("stopped");
  expect(await isListening(stack.ports.api)).toBe(false);
  // Runs are followed meanwhile, past the API.
  const runs = await fetch(`${stack.dashboardUrl}/api/runs`);
  expect([runs.status, await runs.json()]).toEqual([200, { status: "ok", data: [] }]);

  await ask("/start-writer");
  const since = Date.now();
  await eventually("fresh rounds of three probes", async () => {
    const rounds = (await readMetrics(stack.apiUrl)) as { node_id: string; timestamp: string }[];
    const fresh = rounds.filter((round) => Date.parse(round.timestamp) > since);
    return fresh.filter((round) => round.node_id.startsWith("probe-")).length === 3;
  });
  expect((await stack.fiber("down")).code).toBe(0);
});

test("a deployed release whose build is gone is refused by name, and --tree runs the working tree instead", async () => {
  const link = join(stack.stateDir, "current");
  symlinkSync("releases/v9.9.9/tree", link);
  const refused = await stack.fiber("up");
  expect(refused.code).not.toBe(0);
  expect(refused.stderr).toMatch(/v9\.9\.9 is not built here.*fiber up --tree/s);

  supervisor = await stack.up(undefined, "--tree");
  expect(stack.output()).toContain("working tree instead of v9.9.9");
  // Nothing of the stop is left either: the API is up by itself.
  const status = await fetch(`${stack.apiUrl}/api/status`);
  expect(await status.json()).toMatchObject({ data: { release: "dev" } });
  // The next start is the deployed release's again.
  expect(readlinkSync(link)).toBe("releases/v9.9.9/tree");
});
