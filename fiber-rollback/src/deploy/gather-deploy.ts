import { FiberError } from "#contracts";
import { schemaFit } from "#db";
import { gatesPassedFor } from "../gates/gate-report.js";
import { changedFiles } from "../git/git-facts.js";
import { candidateOf, type ReleaseFacts, releaseFacts } from "../releases/release-facts.js";
import type { ReleaseRecord } from "../releases/release-record.js";
import { onDatabase } from "../restore/restore-context.js";
import { gatherHead, rememberFinds, viewRelease, viewRunning } from "../rollback/gather-head.js";
import { readDatabase } from "../rollback/read-database.js";
import type { ReleaseWorld } from "../rollback/release-world.js";
import { canRecover } from "./can-recover.js";
import { loadMigrationsAt } from "./migrations-at.js";
import type { DeployDatabaseView, DeployFacts } from "./plan-deploy.js";

/** What was asked for. */
export interface DeployRequest {
  readonly tag: string;
  readonly skipGates: string | null;
  readonly allowUnsigned: string | null;
  readonly allowLoss: boolean;
  readonly reason: string | null;
}

/** Changed files that are named in a refusal. */
const NAMED_FILES = 3;

/**
 * Gathers what a deploy is planned from; changes nothing.
 *
 * @throws FiberError REVISION_NOT_FOUND, TAG_MOVED, PROJECT_FILE_INVALID, MIGRATION_INVALID,
 *   DATABASE_UNAVAILABLE, DATABASE_MISSING
 */
export async function gatherDeploy(
  anyWorld: ReleaseWorld,
  request: DeployRequest,
): Promise<DeployFacts> {
  const world = rememberFinds(anyWorld);
  const { git, stateDir } = world;
  const facts = await releaseFacts(git, request.tag);
  const record = await recordOf(world, facts);
  const { project } = facts;
  const passed = await gatesPassedFor(stateDir, facts.commit, project.gates);
  const dirty = await changedFiles(git);
  return {
    head: await gatherHead(world, "deploy", request.reason),
    release: await viewRelease(world, record),
    running: await viewRunning(world),
    data: project.migrations === null ? null : await gatherData(world, facts, project.migrations),
    gatesPassed: passed.passed,
    skipGates: request.skipGates,
    allowUnsigned: request.allowUnsigned,
    allowLoss: request.allowLoss,
    dirty: dirty.length > NAMED_FILES ? [...dirty.slice(0, NAMED_FILES), "…"] : dirty,
    build: project.build,
    migrations: project.migrations,
    backup: project.backup.before_deploy,
  };
}

/** The record with what git says now; a tag that leads elsewhere than it did is refused. */
async function recordOf(
  { store }: ReleaseWorld,
  { project: _, ...facts }: ReleaseFacts,
): Promise<ReleaseRecord> {
  const known = await store.read(facts.tag);
  if (known === null) return candidateOf(facts);
  if (known.commit === facts.commit) {
    const { status, signer } = facts.signature;
    return { ...known, signature: { status, signer } };
  }
  throw new FiberError(
    "TAG_MOVED",
    `${facts.tag} led to ${known.commit.slice(0, 10)} when it was recorded and leads to ` +
      `${facts.commit.slice(0, 10)} now. Tags of releases never move: put it back, or release under ` +
      "another tag (fiber release tag).",
  );
}

async function gatherData(
  world: ReleaseWorld,
  { commit }: ReleaseFacts,
  folder: string,
): Promise<DeployDatabaseView> {
  const { data, git } = world;
  if (data === null) {
    throw new FiberError(
      "DATABASE_UNAVAILABLE",
      "The release has migrations, and no database is known. Start the stack (fiber up), or set " +
        "FIBER_DATABASE_URL.",
    );
  }
  const state = await readDatabase(data);
  const migrations = await loadMigrationsAt(git, { commit, folder });
  const fit = await onDatabase(data, data.database, (session) =>
    schemaFit(session, { migrations }),
  );
  return {
    ...state,
    problem: fit.kind === "inconsistent" ? (fit.message ?? "The schema is inconsistent.") : null,
    canRecover: await canRecover(data),
  };
}
