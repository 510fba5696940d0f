import { FiberError } from "#contracts";
import { gitPush, gitTagDelete } from "../git/git-commands.js";
import { hasRemote, mustResolve, requireCleanTree } from "../git/git-facts.js";
import { type Git, gitError } from "../git/run-git.js";
import { requireFreeTag, signTag } from "../git/sign-tag.js";
import { projectAt } from "../project/project-at.js";
import { candidateOf, migrationsAt, releaseFacts } from "./release-facts.js";
import { checkReleaseTag } from "./release-places.js";
import type { ReleaseRecord } from "./release-record.js";
import type { ReleaseStore } from "./release-store.js";
import { refuseEditedMigrations } from "./released-migrations.js";

/** What to tag, and how far to go. */
export interface TagRequest {
  readonly tag: string;
  /** The tag's message; "Release <tag>" by default. */
  readonly message: string | null;
  /** Push the tag as well. */
  readonly push: boolean;
  /** Only look whether it could be done. */
  readonly dryRun: boolean;
}

/** What a tag would be, or is. */
export interface TaggedRelease {
  readonly tag: string;
  readonly commit: string;
  readonly migrationHead: string | null;
  /** Null in a dry run. */
  readonly record: ReleaseRecord | null;
  /** The remote that has it now; null when it was not pushed. */
  readonly pushedTo: string | null;
}

/**
 * Signs a tag on the checked-out commit and records the release as a candidate. Everything that
 * would make a deploy of it fail for certain is refused before the tag is set; a refused push
 * takes the tag back.
 *
 * @throws FiberError USAGE, TREE_DIRTY, TAG_EXISTS, REMOTE_UNREACHABLE, PROJECT_FILE_MISSING,
 *   PROJECT_FILE_INVALID, MIGRATION_INVALID, MIGRATION_MISSING, MIGRATION_EDITED, SIGNING_FAILED,
 *   PUSH_REJECTED
 */
export async function tagRelease(
  git: Git,
  store: ReleaseStore,
  request: TagRequest,
): Promise<TaggedRelease> {
  const tag = checkReleaseTag(request.tag);
  await requireCleanTree(git);
  const commit = await mustResolve(git, "HEAD");
  const project = await projectAt(git, commit);
  const remote = (await hasRemote(git, project.remote)) ? project.remote : null;
  await requireFreeTag(git, tag, remote);
  if (request.push && remote === null) {
    throw new FiberError(
      "USAGE",
      `There is no remote ${project.remote} to push to. Leave --push out, or add it with git remote add.`,
    );
  }
  const migrations = await migrationsAt(git, commit, project);
  refuseEditedMigrations({ tag, migrations }, await store.list());
  const tagged = { tag, commit, migrationHead: migrations.head };
  if (request.dryRun) return { ...tagged, record: null, pushedTo: null };

  await signTag(git, { tag, commit, message: request.message ?? `Release ${tag}` });
  if (request.push && remote !== null) await pushTag(git, tag, remote);
  const record = candidateOf(await releaseFacts(git, tag));
  await store.write(record);
  return { ...tagged, record, pushedTo: request.push ? remote : null };
}

async function pushTag(git: Git, tag: string, remote: string): Promise<void> {
  const pushed = await git.try(gitPush(remote, [`refs/tags/${tag}`]));
  if (pushed.exitCode === 0) return;
  await git.try(gitTagDelete(tag));
  const said = `${pushed.stdout}\n${pushed.stderr}`;
  const why =
    /^remote: (?:error: )?(.+)$/m.exec(said)?.[1] ??
    /^!\t\S+\t(.+)$/m.exec(said)?.[1] ??
    said.trim().split("\n").at(-1);
  throw new FiberError(
    "PUSH_REJECTED",
    `${remote} did not take the tag ${tag}: ${why ?? "no reason given"}. The tag was removed ` +
      "again, nothing was changed.",
    { cause: gitError(pushed) },
  );
}
