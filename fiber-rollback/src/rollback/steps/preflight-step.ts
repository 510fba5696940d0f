import { FiberError } from "#contracts";
import { createPool, type DbPool } from "#db";
import { refuseShortDisk } from "../../backup/disk-space.js";
import type { Step, StepDetail } from "../../engine/step.js";
import { resolveCommit } from "../../git/git-facts.js";
import { urlOfDatabase } from "../../pg-tools.js";
import type { DataPorts } from "../../ports.js";
import { refuseWithoutRights } from "../../restore/gather-facts.js";
import { toolsFor } from "../../restore/restore-dump.js";
import { findObstacle } from "../../restore/switch-step.js";
import { observeBefore } from "../../verify/observe-before.js";
import { headOfApplied } from "../plan-facts.js";
import { readDatabase } from "../read-database.js";
import { dataPorts, makeStep, type StepBase } from "./step-base.js";

/** A build with its packages, until one was measured. */
const BUILD_BYTES = 800e6;
/** Journal, records, reports. */
const SMALL_BYTES = 20e6;

/**
 * Everything that could stop the run later is looked at now: the stack is up, the tag leads where it
 * did, the database is as it was planned for, disk and programs suffice. Notes which probes report.
 */
export function preflightStep(base: StepBase): Step {
  const { facts, world, context } = base;
  return makeStep("preflight", base, {
    async run() {
      await refuseStoppedStack(base);
      if (facts.target.digest === null) await refuseMovedTag(base);
      if (world.data !== null && facts.data !== null) await refuseUnfitData(base, dataPorts(base));
      await refuseShortDisk(world.stateDir, neededBytes(base), `The ${context.plan.kind}`);
      return { before: facts.before ?? (await lookBefore(base)) } satisfies StepDetail;
    },
  });
}

async function refuseStoppedStack({ world, facts }: StepBase): Promise<void> {
  const { reachable } = await world.driver.running();
  if (reachable) return;
  const what =
    world.driver.kind === "compose"
      ? "The Docker engine does not answer, so nothing could be switched or verified. Start it"
      : "No stack runs here, so nothing could be switched or verified. Start it (fiber up)";
  throw new FiberError("STACK_DOWN", `${what}, then go on with ${facts.target.tag}.`);
}

async function refuseMovedTag({ world, facts, context }: StepBase): Promise<void> {
  const { tag, commit } = facts.target;
  const found = await resolveCommit(world.git, `refs/tags/${tag}`);
  if (found === commit) return;
  throw new FiberError(
    "TAG_MOVED",
    `${tag} has to be built and ${found === null ? "is no tag of this clone any more" : "leads to another commit than planned"}. ` +
      `Bring it back (git fetch --tags), then plan the ${context.plan.kind} again.`,
  );
}

async function refuseUnfitData({ facts, context }: StepBase, ports: DataPorts): Promise<void> {
  const state = await readDatabase(ports);
  const head = headOfApplied(state.applied);
  if (state.oid !== facts.data?.oid || head !== facts.data.head) {
    throw new FiberError(
      "PLAN_STALE",
      `The database changed since the plan was made: it is at ${head ?? "the base"} now, and was at ` +
        `${facts.data?.head ?? "the base"}. Nothing was changed; plan the ${context.plan.kind} again.`,
    );
  }
  if (facts.backup || facts.restore !== null || facts.up?.restorePoint === "dump") {
    await toolsFor(ports.admin);
  }
  if (facts.restore === null) return;
  await refuseWithoutRights(ports);
  const obstacle = await findObstacle({ plan: facts.restore, ports });
  if (obstacle !== null) throw new FiberError("SWAP_BLOCKED", obstacle);
}

function neededBytes({ facts }: StepBase): number {
  const { restore, up, backup, target } = facts;
  const size = facts.data?.sizeBytes ?? 0;
  const dump = backup || up?.restorePoint === "dump" ? size * 0.5 : 0;
  const build = target.digest === null ? (target.sizeBytes ?? BUILD_BYTES) : 0;
  return SMALL_BYTES + (restore === null ? 0 : size * 1.2) + dump + build;
}

async function lookBefore({ world, context }: StepBase) {
  const { data, clock } = world;
  return await withPool(data, (db) => observeBefore({ db, clock, log: context.log }));
}

/** Works on a small pool of its own; null for a project without a database. */
export async function withPool<T>(
  data: DataPorts | null,
  work: (db: DbPool | null) => Promise<T>,
): Promise<T> {
  if (data === null) return await work(null);
  const pool = createPool({
    connectionString: urlOfDatabase(data.admin, data.database),
    applicationName: "fiber run",
    max: 2,
    onError: (err) => data.log.warn({ err }, "a run's idle connection broke"),
  });
  try {
    return await work(pool);
  } finally {
    await pool.end();
  }
}
