import { join } from "node:path";
import { FiberError } from "#contracts";
import { projectAt } from "../project/project-at.js";
import type { Project } from "../project/project-file.js";
import { releaseNotFound } from "../releases/release-store.js";
import { prepareRestore } from "../restore/restore.js";
import { chooseLevel } from "./choose-level.js";
import { findSource } from "./find-source.js";
import { gatherHead, rememberFinds, viewRelease, viewRunning } from "./gather-head.js";
import type { DatabaseView, DataSource, PlanHead, ReleaseView, RunningView } from "./plan-facts.js";
import type { RollbackFacts } from "./plan-rollback.js";
import { checkWayDown, lossDownTo, readDatabase, schemaProblem } from "./read-database.js";
import type { ReleaseWorld } from "./release-world.js";

/** What was asked for. */
export interface RollbackRequest {
  /** `--to TAG`; null: the last known good release. */
  readonly to: string | null;
  readonly restoreData: boolean;
  readonly allowLoss: boolean;
  readonly reason: string | null;
}

/** What a deploy that takes itself back knows already. */
interface TakeBackRequest {
  readonly to: string;
  /** The failed run's id, under which the way back is filed. */
  readonly run: string;
  readonly head: PlanHead;
  /** Why the data is known to be damaged; null when it is not. */
  readonly damage: string | null;
  /** What that run took before it changed anything. */
  readonly source: DataSource | null;
  /** False when nothing was acknowledged since. */
  readonly carry: boolean;
}

/**
 * Gathers what a rollback is planned from; changes nothing.
 *
 * @throws FiberError NOTHING_TO_GO_BACK_TO, RELEASE_NOT_FOUND, DATABASE_MISSING, and what makes a
 *   dump unfit where the data has to be brought back
 */
export async function gatherRollback(
  anyWorld: ReleaseWorld,
  request: RollbackRequest,
): Promise<RollbackFacts> {
  const world = rememberFinds(anyWorld);
  const running = await viewRunning(world);
  const target = await findTarget(world, request.to, running);
  return await gather(world, { request, target, running, takeBack: null });
}

/** The same for a deploy that failed: back to what ran, without anybody to ask. */
export async function gatherTakeBack(
  anyWorld: ReleaseWorld,
  takeBack: TakeBackRequest,
): Promise<RollbackFacts> {
  const world = rememberFinds(anyWorld);
  const request = { to: takeBack.to, restoreData: false, allowLoss: false, reason: null };
  const running = await viewRunning(world);
  const target = await findTarget(world, takeBack.to, running);
  return await gather(world, { request, target, running, takeBack });
}

interface Gathering {
  readonly request: RollbackRequest;
  readonly target: ReleaseView;
  readonly running: RunningView;
  readonly takeBack: TakeBackRequest | null;
}

async function gather(world: ReleaseWorld, about: Gathering): Promise<RollbackFacts> {
  const { request, target, running, takeBack } = about;
  const project = await projectOf(world, target);
  return {
    head: takeBack?.head ?? (await gatherHead(world, "rollback", request.reason)),
    target,
    running,
    data: project.migrations === null ? null : await gatherData(world, about, project.migrations),
    restoreData: request.restoreData,
    allowLoss: request.allowLoss,
    takesBack: takeBack?.run ?? null,
    build: project.build,
    migrations: project.migrations,
  };
}

/** A release's own fiber.yaml; the checked-out one where its commit is gone from this clone. */
export async function projectOf(
  { git, project }: Pick<ReleaseWorld, "git" | "project">,
  release: ReleaseView,
): Promise<Project> {
  return release.canBuild ? await projectAt(git, release.record.commit) : project;
}

async function findTarget(
  world: ReleaseWorld,
  to: string | null,
  running: RunningView,
): Promise<ReleaseView> {
  const { store, driver } = world;
  if (to !== null) {
    const record = await store.read(to);
    if (record === null) throw releaseNotFound(to);
    return await viewRelease(world, record);
  }
  const except = running.release === null ? {} : { except: running.release };
  const good = await store.lastKnownGood((tag) => driver.find(tag), except);
  if (good !== null) return await viewRelease(world, good);
  throw new FiberError(
    "NOTHING_TO_GO_BACK_TO",
    `No release other than ${running.release ?? "the one that runs"} was found good here and is ` +
      "still there, so there is nothing to go back to. fiber release list shows what is known; any " +
      "of it can be named with --to.",
  );
}

async function gatherData(
  world: ReleaseWorld,
  { request, target, running, takeBack }: Gathering,
  migrations: string,
): Promise<DatabaseView> {
  const { data, store, driver, stateDir } = world;
  if (data === null) {
    throw new FiberError(
      "DATABASE_UNAVAILABLE",
      `${target.record.tag} has migrations, and no database is known. Start the stack (fiber up), or ` +
        "set FIBER_DATABASE_URL.",
    );
  }
  const { head } = target.record.migrations;
  const state = await readDatabase(data);
  const tree = await treeOf(driver, running.release);
  const damage = takeBack?.damage ?? (await damageOf(data, tree, migrations));
  const view: DatabaseView = {
    ...state,
    damage,
    loss: await lossDownTo(data, state, head),
    wayDown: await checkWayDown(data, state, {
      head,
      folder: tree === null ? null : join(tree, migrations),
      records: () => store.list(),
    }),
    source: takeBack?.source ?? (await findSource(stateDir, { tag: target.record.tag, head })),
    restore: null,
  };
  const choice = chooseLevel({
    ...{ target: target.record, data: view, unattended: takeBack !== null },
    ...{ restoreData: request.restoreData, allowLoss: request.allowLoss },
  });
  if (choice.kind === "refused" || choice.level !== "data" || view.source === null) return view;
  const restore = await prepareRestore(data, {
    from: sourceRequest(view.source),
    carry: takeBack?.carry ?? true,
  });
  return { ...view, restore };
}

/** How a source is asked for at a restore. */
function sourceRequest(source: DataSource) {
  switch (source.kind) {
    case "point":
      return { kind: "recovery", point: source.name } as const;
    case "dump":
      return { kind: "dump", path: source.path } as const;
    case "quarantine":
      return { kind: "undo", database: source.database } as const;
  }
}

/** The folder of what runs; null for a working tree and for what is gone. */
async function treeOf(
  driver: ReleaseWorld["driver"],
  release: string | null,
): Promise<string | null> {
  if (release === null) return null;
  return (await driver.find(release))?.ref ?? null;
}

async function damageOf(
  data: NonNullable<ReleaseWorld["data"]>,
  tree: string | null,
  migrations: string,
): Promise<string | null> {
  return await schemaProblem(data, tree === null ? null : { root: tree, migrations });
}
