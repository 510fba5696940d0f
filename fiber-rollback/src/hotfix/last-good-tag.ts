import { isAncestor, resolveCommit } from "../git/git-facts.js";
import { lastVersionTag } from "../git/last-tag.js";
import type { Git } from "../git/run-git.js";
import { goodReleases } from "../releases/order-releases.js";
import type { ReleaseStore } from "../releases/release-store.js";

/** Where a hotfix begins, and why there. */
export interface LastGoodTag {
  readonly tag: string;
  /** `release`: it was found good here; `tag`: nothing was recorded, so it is the newest version tag. */
  readonly basis: "release" | "tag";
}

/**
 * The newest release that was found good and lies in the history of `head`; without one the newest
 * version tag there. Its artefact does not matter: a hotfix is built from git.
 *
 * @throws FiberError NO_RELEASE_TAG, RELEASE_INVALID, RELEASE_TOO_NEW
 */
export async function lastGoodTag(
  git: Git,
  store: Pick<ReleaseStore, "list">,
  head: string,
): Promise<LastGoodTag> {
  for (const { tag, commit } of goodReleases(await store.list())) {
    const named = await resolveCommit(git, `refs/tags/${tag}`);
    if (named === commit && (await isAncestor(git, commit, head))) {
      return { tag, basis: "release" };
    }
  }
  return { tag: await lastVersionTag(git, head), basis: "tag" };
}
