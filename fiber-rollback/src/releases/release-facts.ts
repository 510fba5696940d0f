import { FiberError } from "#contracts";
import { orderMigrations } from "#db";
import { gitTagTime } from "../git/git-commands.js";
import { mustResolve } from "../git/git-facts.js";
import { readTreeFolder } from "../git/read-tree.js";
import type { Git } from "../git/run-git.js";
import { type TagSignature, tagSignature } from "../git/tag-signature.js";
import { projectAt } from "../project/project-at.js";
import type { Project } from "../project/project-file.js";
import { RELEASE_FORMAT, type ReleaseRecord } from "./release-record.js";

/** What git knows of a tag, read from its own tree. */
export interface ReleaseFacts {
  readonly tag: string;
  readonly commit: string;
  readonly signature: TagSignature;
  /** When the tag was made; for a lightweight one its commit. ISO 8601, UTC. */
  readonly createdAt: string;
  readonly migrations: ReleaseRecord["migrations"];
  /** The tag's own fiber.yaml. */
  readonly project: Project;
}

/**
 * Reads a tag: its commit, what its signature is worth here, and every migration with the
 * checksums of both ways. Nothing is checked out.
 *
 * @throws FiberError REVISION_NOT_FOUND, PROJECT_FILE_MISSING, PROJECT_FILE_INVALID,
 *   MIGRATION_INVALID, MIGRATION_MISSING, SIGNATURE_UNCHECKABLE
 */
export async function releaseFacts(git: Git, tag: string): Promise<ReleaseFacts> {
  const commit = await mustResolve(git, `refs/tags/${tag}`);
  const signature = await tagSignature(git, tag);
  const project = await projectAt(git, commit);
  const seconds = Number(await git.must(gitTagTime(tag)));
  const createdAt = new Date(seconds * 1_000).toISOString();
  const migrations = await migrationsAt(git, commit, project);
  return { tag, commit, signature, createdAt, project, migrations };
}

/** The migrations of a commit: none for a project without a database. */
export async function migrationsAt(
  git: Git,
  commit: string,
  project: Pick<Project, "migrations">,
): Promise<ReleaseRecord["migrations"]> {
  const folder = project.migrations;
  if (folder === null) return { head: null, files: [] };
  const files = await readTreeFolder(git, { commit, folder }, (name) => name.endsWith(".sql"));
  if (files === null) {
    throw new FiberError(
      "MIGRATION_MISSING",
      `${commit.slice(0, 12)} has no folder ${folder}, which its fiber.yaml names for migrations.`,
    );
  }
  const names = new Map(files.map(({ name }) => [name.slice(0, 4), name]));
  const migrations = orderMigrations(files, `${folder} of ${commit.slice(0, 12)}`);
  return {
    head: migrations.at(-1)?.revision ?? null,
    files: migrations.map(({ revision, upChecksum, downChecksum, kind }) => ({
      revision,
      name: names.get(revision) ?? revision,
      upSha256: upChecksum,
      downSha256: downChecksum,
      kind,
    })),
  };
}

/** The record of a tag of which nothing is known but what git knows: as if it never ran. */
export function candidateOf(facts: Omit<ReleaseFacts, "project">): ReleaseRecord {
  const { tag, commit, migrations, createdAt } = facts;
  const { status, signer } = facts.signature;
  return {
    format: RELEASE_FORMAT,
    tag,
    commit,
    migrations,
    signature: { status, signer },
    artefact: null,
    compatibleWith: [],
    backups: [],
    baseline: null,
    status: "candidate",
    createdAt,
    liveAt: null,
    judgedAt: null,
    why: null,
  };
}
