import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { packageRoot } from "#runtime";
import { startLoad, storedByKey, wrongOf } from "./load-list.js";
import {
  type Changes,
  createProductClone,
  nextMigration,
  type ProductClone,
} from "./product-clone.js";
import {
  createTestStack,
  eventually,
  type Finished,
  readMetrics,
  type TestStack,
} from "./test-stack.js";

/** How long a gate may take on a busy machine, seconds. A broken release costs as much. */
const WITHIN_S = 90;
const RUN_MS = 10 * 60_000;
const GOOD = "v1.0.0-mvp";

let stack: TestStack;
let clone: ProductClone;
let load: Awaited<ReturnType<typeof startLoad>>;
beforeAll(async () => {
  stack = await createTestStack({
    ...{ FIBER_PUSH_PER_MIN: "0", FIBER_READS_PER_MIN: "0", FIBER_PROBE_INTERVAL: "" },
  });
  clone = createProductClone(WITHIN_S);
  await stack.up();
});
afterAll(async () => {
  await stack.cleanUp();
  clone.remove();
});

/** Runs a `fiber` command in the clone, as an operator does; nothing is asked. */
function fiber(...args: readonly string[]): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const command = [join(packageRoot, "bin", "fiber.mjs"), ...args];
    const options = { cwd: clone.folder, env: stack.env };
    const child = spawn(process.execPath, command, {
      ...options,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (chunk: Buffer) => {
      stdout += chunk.toString();
    });
    child.stderr.on("data", (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, stdout, stderr }));
  });
}

/** What a run left, as `--json` prints it. */
interface Run {
  readonly plan: { readonly id: string; readonly level: string; readonly to: string };
  readonly state: string;
  readonly failure: {
    readonly step: string;
    readonly code: string;
    readonly message: string;
  } | null;
  readonly takenBackBy?: { readonly plan: { readonly level: string; readonly to: string } };
}

async function run(code: number, ...args: readonly string[]): Promise<Run> {
  const done = await fiber(...args, "--yes", "--json");
  expect(done.code, `${args.join(" ")}\n${done.stderr}\n${done.stdout}`).toBe(code);
  return JSON.parse(done.stdout) as Run;
}

async function running(): Promise<string> {
  const answer = await fetch(`${stack.apiUrl}/api/status`);
  const body = (await answer.json()) as { readonly data: { readonly release: string } };
  expect(answer.status, JSON.stringify(body)).toBe(200);
  return body.data.release;
}

/** A broken release comes back by itself: exit code 4, the good one runs, a report lies there. */
async function expectTakenBack(tag: string, changes: Changes, step: string): Promise<Run> {
  await load.more(500);
  clone.release(tag, changes);
  const done = await run(4, "deploy", tag);
  expect(done).toMatchObject({ state: "taken-back", failure: { step } });
  expect(done.takenBackBy?.plan.to).toBe(GOOD);
  expect(await running()).toBe(GOOD);
  expect(existsSync(join(stack.stateDir, "incidents", done.plan.id, "report.md"))).toBe(true);
  clone.revert();
  await load.more(500);
  return done;
}

const migration = (up: string, down: string) => `-- kind: reversible: a test's
-- up
${up}
-- down
${down}
`;

/** A migration that does no harm. */
const EXTRA = migration(
  "CREATE TABLE extra (id int); COMMENT ON TABLE extra IS 'state: a test''s';",
  "DROP TABLE extra;",
);

test(
  "the first release goes live, and there is nothing to go back to yet",
  async () => {
    clone.release(GOOD);
    load = await startLoad(stack, "all", { pauseMs: 200 });
    await load.more(500);
    const dryRun = await fiber("deploy", GOOD, "--dry-run");
    expect(dryRun.code, dryRun.stderr).toBe(0);
    expect(dryRun.stdout).toMatch(/nothing to go back to yet/);
    expect(await run(0, "deploy", GOOD)).toMatchObject({ state: "done" });
    expect(await running()).toBe(GOOD);
    const refused = await fiber("rollback", "--dry-run");
    expect(refused.code).toBe(3);
    expect(refused.stderr).toMatch(/nothing to go back to/);
  },
  RUN_MS,
);

test(
  "a release whose API answers 500 comes back by itself, and with it its migration",
  async () => {
    const broken = (text: string) =>
      text.replace(
        "  const access = createAccess({",
        `  app.addHook("onRequest", async () => {
    throw new Error("a broken release");
  });
  const access = createAccess({`,
      );
    const changes = { "fiber-api/src/build-api.ts": broken, [nextMigration("extra")]: EXTRA };
    const done = await expectTakenBack("v1.1.0", changes, "verify");
    expect(done.takenBackBy?.plan.level).toBe("schema");
  },
  RUN_MS,
);

test(
  "a release whose migration fails comes back by itself",
  async () => {
    const bad = migration("CREATE TABLE half (id int); SELECT 1 / 0;", "DROP TABLE half;");
    const done = await expectTakenBack("v1.2.0", { [nextMigration("bad")]: bad }, "migrate");
    expect(done.takenBackBy?.plan.level).toBe("code");
  },
  RUN_MS,
);

test(
  "a release whose migration destroys data comes back by itself, with the data",
  async () => {
    const up =
      "UPDATE samples SET latency_ms = latency_ms * 10; DELETE FROM samples USING series s " +
      "WHERE s.series_id = samples.series_id AND s.target = 'all-1';";
    const bad = migration(up, "SELECT 1;");
    const done = await expectTakenBack("v1.3.0", { [nextMigration("bad")]: bad }, "migrate");
    expect(done.failure?.code).toBe("DATA_DESTROYED");
    expect(done.takenBackBy?.plan.level).toBe("data");
  },
  RUN_MS,
);

test(
  "a release whose probes stop reporting comes back by itself",
  async () => {
    const silent = (text: string) =>
      text.replace(
        "  const round = async (signal: AbortSignal) => {",
        "  const round = async (signal: AbortSignal) => {\n    if (clock.now() > 0) return;",
      );
    const changes = { "fiber-probe/src/start-probe.ts": silent };
    const done = await expectTakenBack("v1.4.0", changes, "verify");
    expect(done.failure?.message).toMatch(/probe/i);
    await eventually(
      "all probes report",
      async () => (await readMetrics(stack.apiUrl)).length >= 3,
    );
  },
  RUN_MS,
);

test(
  "a good release goes live, is left with one command, and that is undone; nothing was lost",
  async () => {
    clone.release("v1.5.0", { [nextMigration("extra")]: EXTRA });
    expect(await run(0, "deploy", "v1.5.0")).toMatchObject({ state: "done" });
    expect(await running()).toBe("v1.5.0");
    await load.more(500);

    const back = await run(0, "rollback", "--reason", "a test");
    // Its smoke test passed on the newer schema, so the schema stays.
    expect(back).toMatchObject({ state: "done", plan: { level: "code", to: GOOD } });
    expect(await running()).toBe(GOOD);
    expect(existsSync(join(stack.stateDir, "incidents", back.plan.id, "report.md"))).toBe(true);
    await load.more(500);

    expect(await run(0, "rollback", "undo")).toMatchObject({ state: "done" });
    expect(await running()).toBe("v1.5.0");
    await load.more(500);

    const acknowledged = await load.stop();
    const stored = await storedByKey(stack);
    expect(acknowledged.length).toBeGreaterThan(3_000);
    expect(wrongOf(acknowledged, stored)).toEqual([]);
  },
  RUN_MS,
);
