import { FiberError } from "#contracts";
import type { Git } from "./run-git.js";

/** The newest version tag in the history of a commit, or null. */
export async function findVersionTag(git: Git, head: string): Promise<string | null> {
  const found = await git.try(["git", "describe", "--tags", "--abbrev=0", "--match=v[0-9]*", head]);
  return found.exitCode === 0 ? found.stdout.trim() : null;
}

/**
 * The newest version tag in the history of a branch: where a hotfix begins while no release has
 * been recorded as good.
 *
 * @throws FiberError NO_RELEASE_TAG
 */
export async function lastVersionTag(git: Git, head: string): Promise<string> {
  const found = await findVersionTag(git, head);
  if (found !== null) return found;
  throw new FiberError(
    "NO_RELEASE_TAG",
    "No version tag (v1.2.3…) lies in the history of the release branch. Name the last good commit with --good or --from.",
  );
}
