import { FiberError } from "#contracts";
import type { Clock } from "#runtime";
import { fetchRemote, isAncestor, remoteRef, resolveCommit } from "../git/git-facts.js";
import type { Git } from "../git/run-git.js";
import type { Project } from "../project/project-file.js";

/** What every hotfix command works with. */
export interface HotfixContext {
  readonly git: Git;
  /** What of fiber.yaml hotfixes need. */
  readonly project: Pick<Project, "branch" | "remote" | "gates">;
  readonly stateDir: string;
  readonly clock: Clock;
  /** Ends a gate that runs; what was begun is taken back. */
  readonly signal?: AbortSignal | undefined;
  say(text: string): void;
}

/**
 * Where the release branch stands on the remote, after a fetch. The remote is what others build
 * from, so it decides; a local branch with commits of its own is refused.
 *
 * @throws FiberError BRANCH_NOT_FOUND, BRANCH_AHEAD
 */
export async function releaseBranchHead({ git, project }: HotfixContext): Promise<string> {
  const { branch, remote } = project;
  await fetchRemote(git, remote);
  const head = await remoteRef(git, remote, `refs/heads/${branch}`);
  if (head === null) {
    throw new FiberError(
      "BRANCH_NOT_FOUND",
      `${remote} has no branch ${branch}. Push it first, or set \`branch\` in fiber.yaml.`,
    );
  }
  const local = await resolveCommit(git, `refs/heads/${branch}`);
  if (local !== null && local !== head && !(await isAncestor(git, local, head))) {
    throw new FiberError(
      "BRANCH_AHEAD",
      `Your ${branch} has commits that ${remote} lacks. Push them or move them aside, then run this again.`,
    );
  }
  return head;
}
