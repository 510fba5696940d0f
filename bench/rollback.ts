import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  createGit,
  createProcessDriver,
  createReleaseStore,
  noProgress,
  planRollbackOf,
  type RunRecord,
  readProject,
  releaseFile,
  releaseFolder,
} from "#rollback";
import { createLogger, packageRoot, systemClock } from "#runtime";
import { keyOf, stackDatabaseUrl, startLoad, storedByKey } from "../e2e/load-list.js";
import { createProductClone, type ProductClone } from "../e2e/product-clone.js";
import { createTestStack, type TestStack } from "../e2e/test-stack.js";
import { type Bench, type BenchRow, median } from "./bench.js";
import { type Seen, startReader } from "./start-reader.js";

const WITHIN_S = 90;
const HISTORY = 500;
const PLANS = 9;

interface Round extends Seen {
  /** From the command to the verified release. */
  readonly commandMs: number;
  /** The slowest gate's own time until it was good. */
  readonly slowestGateMs: number;
}

/**
 * The whole product on the embedded stack: two releases with the same schema, rolled back, undone and
 * rolled back again by the command, while clients push and read.
 */
export const rollbackBench: Bench = {
  name: "rollback",
  about:
    "code-only rollback of the embedded stack under ingest and reads; planning in a long history",
  async run(report) {
    const stack = await createTestStack({ FIBER_PUSH_PER_MIN: "0", FIBER_READS_PER_MIN: "0" });
    const clone = createProductClone(WITHIN_S);
    try {
      await stack.up();
      for (const tag of ["v1.0.0-mvp", "v1.0.1-mvp"]) {
        clone.release(tag);
        await fiber(stack, clone, "deploy", tag);
        report(`${tag} deployed`);
      }
      const { rounds, missing } = await measure(stack, clone, report);
      const planMs = await timePlans(stack, clone);
      return toRows(rounds, missing, planMs);
    } finally {
      await stack.cleanUp();
      clone.remove();
    }
  },
};

async function measure(
  stack: TestStack,
  clone: ProductClone,
  report: (line: string) => void,
): Promise<{ readonly rounds: readonly Round[]; readonly missing: number }> {
  const load = await startLoad(stack, "bench", { pauseMs: 20 });
  const reader = startReader(`${stack.apiUrl}/api/metrics`);
  const rounds: Round[] = [];
  try {
    await load.more(2_000);
    for (const what of [["rollback"], ["rollback", "undo"], ["rollback"]]) {
      await systemClock.sleep(2_000);
      await reader.mark();
      const startedMs = performance.now();
      const run = await fiber(stack, clone, ...what);
      const commandMs = performance.now() - startedMs;
      const seen = await reader.mark();
      const slowestGateMs = slowestGate(run);
      rounds.push({ ...seen, commandMs, slowestGateMs });
      report(
        `${what.join(" ")}: gap ${seen.longestGapMs.toFixed(1)} ms (in ${stepAt(run, seen.longestGapAt)}), ${seen.failures} of ${seen.reads} reads failed, ` +
          `verified after ${(commandMs / 1_000).toFixed(1)} s, slowest gate ${(slowestGateMs / 1_000).toFixed(1)} s`,
      );
    }
    await load.more(2_000);
  } finally {
    reader.stop();
  }
  const acknowledged = await load.stop();
  const stored = await storedByKey(stack);
  const missing = acknowledged.filter(
    (sent) => JSON.stringify(stored.get(keyOf(sent))) !== JSON.stringify(sent),
  );
  report(`${acknowledged.length} samples acknowledged, ${missing.length} missing or changed`);
  return { rounds, missing: missing.length };
}

/** The step that was under way at a time. */
function stepAt(run: RunRecord, at: string): string {
  const begun = run.steps.filter((step) => step.startedAt !== null && step.startedAt <= at);
  return begun.at(-1)?.id ?? "planning";
}

function slowestGate(run: RunRecord): number {
  const verify = run.steps.find((step) => step.id === "verify");
  const gates = verify?.detail?.gates as readonly { tookMs: number; blocking: boolean }[];
  return Math.max(...gates.filter((gate) => gate.blocking).map((gate) => gate.tookMs));
}

async function fiber(
  stack: TestStack,
  clone: ProductClone,
  ...args: readonly string[]
): Promise<RunRecord> {
  const command = [join(packageRoot, "bin", "fiber.mjs"), ...args, "--yes", "--json"];
  const child = spawn(process.execPath, command, {
    cwd: clone.folder,
    env: stack.env,
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
  const [code] = (await once(child, "close")) as [number | null];
  if (code !== 0)
    throw new Error(`fiber ${args.join(" ")} ended with ${code}:\n${stderr}${stdout}`);
  return JSON.parse(stdout) as RunRecord;
}

/** Plans again and again in the same installation, with hundreds of older releases on record. */
async function timePlans(stack: TestStack, clone: ProductClone): Promise<readonly number[]> {
  const { stateDir } = stack;
  const model = JSON.parse(readFileSync(releaseFile(stateDir, "v1.0.0-mvp"), "utf8"));
  for (let n = 0; n < HISTORY; n++) {
    const tag = `v0.${n}.0`;
    const liveAt = new Date(Date.UTC(2024, 0, 1) + n * 3_600_000).toISOString();
    mkdirSync(releaseFolder(stateDir, tag), { recursive: true });
    writeFileSync(releaseFile(stateDir, tag), JSON.stringify({ ...model, tag, liveAt }));
  }
  const git = createGit(clone.folder);
  const log = createLogger({ role: "bench", level: "silent" });
  const clock = systemClock;
  const world = {
    ...{ stateDir, git, log, clock, operator: "bench", host: "bench", env: {} },
    project: readProject(clone.folder),
    driver: createProcessDriver({ stateDir, git }),
    store: createReleaseStore(stateDir),
    data: {
      ...{ stateDir, log, clock, progress: noProgress, database: "fiberstack" },
      admin: stackDatabaseUrl(stack, "postgres"),
    },
    token: async () => null,
    report: async () => ({}),
  };
  const request = { to: "v1.0.1-mvp", restoreData: false, allowLoss: false, reason: null };
  const times: number[] = [];
  for (let n = 0; n < PLANS; n++) {
    const startedMs = performance.now();
    await planRollbackOf(world, request);
    times.push(performance.now() - startedMs);
  }
  return times;
}

function toRows(
  rounds: readonly Round[],
  missing: number,
  planMs: readonly number[],
): readonly BenchRow[] {
  const worst = (of: (round: Round) => number) => Math.max(...rounds.map(of));
  return [
    {
      figure: "longest time in which a reader got no answer",
      value: worst((round) => round.longestWaitMs),
      unit: "ms",
      bound: { atMost: 1_000 },
      detail: `${worst((round) => round.failures)} reads failed at most`,
    },
    {
      figure: "longest gap between two answered reads",
      value: worst((round) => round.longestGapMs),
      unit: "ms",
      bound: { atMost: 100 },
    },
    {
      figure: "command to verified, against the slowest gate's own time",
      value: worst((round) => round.commandMs / round.slowestGateMs),
      unit: "times",
      bound: { atMost: 3 },
      detail: `verified after ${(median(rounds.map((round) => round.commandMs)) / 1_000).toFixed(1)} s`,
    },
    { figure: "acknowledged samples lost", value: missing, unit: "samples", bound: { atMost: 0 } },
    {
      figure: `planning with ${HISTORY} releases on record`,
      value: median(planMs),
      unit: "ms",
      bound: { atMost: 200 },
    },
  ];
}
