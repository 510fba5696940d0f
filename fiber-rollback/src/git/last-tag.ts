import { FiberError } from "#contracts";
import type { Git } from "./run-git.js";

/**
 * The newest version tag in the history of a branch: where a hotfix begins while no release has
 * been recorded as good.
 *
 * @throws FiberError NO_RELEASE_TAG
 */
export async function lastVersionTag(git: Git, head: string): Promise<string> {
  const found = await git.try(["git", "describe", "--tags", "--abbrev=0", "--match=v[0-9]*", head]);
  if (found.exitCode === 0) return found.stdout.trim();
  throw new FiberError(
    "NO_RELEASE_TAG",
    "No version tag (v1.2.3…) lies in the history of the release branch. Name the last good commit with --good or --from.",
  );
}
