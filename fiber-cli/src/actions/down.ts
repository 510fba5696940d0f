import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { StatePaths } from "#agent";
import { FiberError } from "#contracts";
import { stopEmbeddedPostgres } from "#db";
import { destroyTree } from "#rollback";
import { askAgent, createLogger, lockHolder } from "#runtime";
import { confirm } from "../ask.js";
import { sizeOf } from "../folder-size.js";
import { locateStack } from "../stack-access.js";
import { formatBytes, printResult, tell } from "../terminal.js";

/** Longest wait for a stack that was asked to stop: every role's grace time in turn, and more. */
const STOP_TIMEOUT_MS = 120_000;

/** Stops the stack and, with `purge`, deletes everything of it but the backups. */
export async function runDown(options: {
  purge?: boolean;
  dryRun?: boolean;
  yes?: boolean;
  json?: boolean;
}): Promise<void> {
  const { purge = false, dryRun = false, yes = false, json = false } = options;
  const paths = await locateStack();
  const holder = lockHolder(paths.lock);
  const doomed = purge ? listDoomed(paths) : [];
  const plan = {
    state_folder: paths.stateDir,
    stop: holder === null ? null : { pid: holder.pid, since: holder.since },
    delete: doomed,
    kept: purge ? paths.backups : null,
  };
  if (dryRun) return printResult(json, { ...plan, done: false }, () => describe(plan, dryRun));
  if (purge && doomed.length > 0) {
    tell(describe(plan, true));
    await confirm("Delete all of this for good?", yes);
  }
  if (holder === null) await stopOrphan(paths);
  else await stopStack(paths);
  for (const { path } of doomed) await destroyTree(path);
  if (purge) removeWhenEmpty(paths);
  printResult(json, { ...plan, done: true }, () => describe(plan, false));
}

type DownPlan = {
  readonly state_folder: string;
  readonly stop: { readonly pid: number; readonly since: string } | null;
  readonly delete: readonly { readonly path: string; readonly size_bytes: number }[];
  readonly kept: string | null;
};

function describe(plan: DownPlan, future: boolean): string {
  const stopped =
    plan.stop === null
      ? "No stack is running."
      : `${future ? "To stop: the" : "Stopped the"} stack of process ${plan.stop.pid}, up since ${plan.stop.since}.`;
  if (plan.kept === null) return stopped;
  const entries = plan.delete.map(
    ({ path, size_bytes }) => `  ${formatBytes(size_bytes).padStart(7)}  ${path}`,
  );
  const heading = entries.length === 0 ? "Nothing to delete." : future ? "To delete:" : "Deleted:";
  return [stopped, heading, ...entries, `Kept: the backups in ${plan.kept}`].join("\n");
}

async function stopStack(paths: StatePaths): Promise<void> {
  tell("stopping the stack");
  const answer = await askAgent(paths.socket, "POST", "/stop");
  const holder = lockHolder(paths.lock);
  // A supervisor whose socket was lost still hears TERM.
  if (answer === null && holder !== null) process.kill(holder.pid, "SIGTERM");
  const deadline = Date.now() + STOP_TIMEOUT_MS;
  while (lockHolder(paths.lock) !== null) {
    if (Date.now() > deadline) {
      throw new FiberError(
        "STOP_TIMEOUT",
        `The stack did not stop within ${STOP_TIMEOUT_MS / 1000} s. Its log is ${paths.agentLog}.`,
      );
    }
    await sleep(100);
  }
}

/** A killed supervisor leaves PostgreSQL running; roles end by themselves. */
async function stopOrphan(paths: StatePaths): Promise<void> {
  const log = createLogger({ role: "down", level: "warn" });
  if (await stopEmbeddedPostgres({ stateDir: paths.stateDir, log })) {
    tell("stopped a PostgreSQL that a killed stack had left running");
  }
}

function listDoomed(paths: StatePaths): { path: string; size_bytes: number }[] {
  return entriesOf(paths.stateDir)
    .map((name) => join(paths.stateDir, name))
    .filter((path) => path !== paths.backups)
    .map((path) => ({ path, size_bytes: sizeOf(path) }));
}

function removeWhenEmpty(paths: StatePaths): void {
  if (entriesOf(paths.backups).length === 0)
    rmSync(paths.backups, { recursive: true, force: true });
  if (entriesOf(paths.stateDir).length === 0)
    rmSync(paths.stateDir, { recursive: true, force: true });
}

function entriesOf(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw err;
  }
}
