import { FiberError } from "#contracts";
import { canRecover } from "../deploy/can-recover.js";
import type { RunRecord } from "../engine/run-record.js";
import { releaseNotFound } from "../releases/release-store.js";
import { listQuarantines } from "../restore/quarantine.js";
import { prepareRestore } from "../restore/restore.js";
import { gatherHead, newestRuns, rememberFinds, viewRelease, viewRunning } from "./gather-head.js";
import { projectOf } from "./gather-rollback.js";
import type { DatabaseView } from "./plan-facts.js";
import type { UndoFacts } from "./plan-undo.js";
import { readDatabase } from "./read-database.js";
import type { ReleaseWorld } from "./release-world.js";
import { runFactsSchema } from "./run-facts.js";

/**
 * Gathers what taking the last rollback back is planned from; changes nothing.
 *
 * @throws FiberError NOTHING_TO_UNDO, RELEASE_NOT_FOUND
 */
export async function gatherUndo(
  anyWorld: ReleaseWorld,
  request: { readonly reason: string | null },
): Promise<UndoFacts> {
  const world = rememberFinds(anyWorld);
  const { plan: undoes, state, failure } = await lastRollback(world);
  const back = await world.store.read(undoes.from ?? "");
  if (back === null) throw releaseNotFound(undoes.from ?? "");
  const view = await viewRelease(world, back);
  const project = await projectOf(world, view);
  const data = project.migrations === null ? null : await gatherData(world, undoes);
  return {
    head: await gatherHead(world, "undo", request.reason),
    undoes,
    unverified: state === "done" ? null : (failure?.message ?? null),
    back: view,
    running: await viewRunning(world),
    data,
    canRecover: world.data !== null && data !== null && (await canRecover(world.data)),
    build: project.build,
    migrations: project.migrations,
  };
}

async function lastRollback({ stateDir }: ReleaseWorld): Promise<RunRecord> {
  for await (const run of newestRuns(stateDir)) {
    if (run.plan.kind === "rollback" && isSwitched(run)) {
      if (run.plan.from !== null && run.plan.from !== "dev") return run;
      break;
    }
    if (run.state === "done" || run.state === "taken-back") {
      throw nothingToUndo(
        `the last run, ${run.plan.id}, is a ${run.plan.kind}` +
          (run.state === "done" && run.plan.kind === "deploy"
            ? ". To leave what it deployed: fiber rollback"
            : ". Deploy a release instead: fiber deploy TAG"),
      );
    }
  }
  throw nothingToUndo("no rollback from a release has been run here");
}

/** Done, or stopped by its own verification, with everything else behind it. */
function isSwitched({ state, failure }: RunRecord): boolean {
  return state === "done" || (state === "failed" && failure?.step === "verify");
}

function nothingToUndo(why: string): FiberError {
  return new FiberError("NOTHING_TO_UNDO", `There is no rollback to take back: ${why}.`);
}

async function gatherData(world: ReleaseWorld, undoes: RunRecord["plan"]): Promise<DatabaseView> {
  const { data } = world;
  if (data === null) {
    throw new FiberError(
      "DATABASE_UNAVAILABLE",
      "The release has migrations, and no database is known. Start the stack (fiber up), or set " +
        "FIBER_DATABASE_URL.",
    );
  }
  const state = await readDatabase(data);
  const view: DatabaseView = {
    ...state,
    ...{ damage: null, loss: null, wayDown: { kind: "sound" }, source: null, restore: null },
  };
  if (undoes.level !== "data") return view;
  const restored = runFactsSchema.parse(undoes.facts).restore;
  const kept = (await listQuarantines(data)).find((one) => one.restore === restored?.id);
  if (kept === undefined) return view;
  const source = { kind: "quarantine", database: kept.database, createdAt: kept.since } as const;
  const restore = await prepareRestore(data, { from: { kind: "undo", database: kept.database } });
  return { ...view, source, restore };
}
