import { FiberError } from "#contracts";
import { gitConflicts, gitRevert, gitRevertAbort } from "../git/git-commands.js";
import { commitsOf, isAncestor, mustResolve, requireFullHistory } from "../git/git-facts.js";
import { type Git, gitError } from "../git/run-git.js";
import { inWorktree } from "../git/worktree.js";
import { type HotfixContext, releaseBranchHead } from "./hotfix-context.js";
import { publish } from "./publish.js";

/** What a revert did. */
export interface Reverted {
  readonly reverted: string;
  readonly head: string;
  readonly branch: string;
}

/**
 * Reverts a commit on the release branch and pushes. Works in a worktree of its own: a conflict, or
 * a push that is refused, leaves branch, checkout and remote as they were.
 *
 * @throws FiberError HISTORY_SHALLOW, MERGE_NEEDS_PARENT, REVERT_CONFLICT, NOTHING_TO_REVERT, PUSH_REJECTED, …
 */
export async function revert(
  context: HotfixContext,
  what: { readonly commit: string; readonly mainline: number | null; readonly dryRun: boolean },
): Promise<Reverted> {
  const { git, project } = context;
  await requireFullHistory(git);
  const head = await releaseBranchHead(context);
  const sha = await mustResolve(git, what.commit);
  await requireRevertible(git, { sha, head, branch: project.branch, mainline: what.mainline });
  return inWorktree(git, head, async (worktree) => {
    await applyRevert(worktree, sha, what.mainline);
    const newHead = (await worktree.must(["git", "rev-parse", "HEAD"])).trim();
    if (!what.dryRun) await publish(context, { head: newHead });
    return { reverted: sha, head: newHead, branch: project.branch };
  });
}

async function requireRevertible(
  git: Git,
  what: { sha: string; head: string; branch: string; mainline: number | null },
): Promise<void> {
  if (!(await isAncestor(git, what.sha, what.head))) {
    throw new FiberError(
      "NOTHING_TO_REVERT",
      `${what.sha.slice(0, 10)} is not on ${what.branch}: nothing to revert there.`,
    );
  }
  const [commit] = await commitsOf(git, what.sha, 1);
  const parents = commit?.parents ?? [];
  if (parents.length > 1 && what.mainline === null) {
    const list = parents.map((parent, i) => `${i + 1} = ${parent.slice(0, 10)}`).join(", ");
    throw new FiberError(
      "MERGE_NEEDS_PARENT",
      `${what.sha.slice(0, 10)} is a merge. Say which parent stays with --mainline (${list}); 1 is usually the release branch.`,
    );
  }
  if (what.mainline !== null && (parents.length < 2 || what.mainline > parents.length)) {
    throw new FiberError(
      "USAGE",
      `--mainline ${what.mainline} does not fit: ${what.sha.slice(0, 10)} has ${parents.length} parent(s).`,
    );
  }
}

async function applyRevert(worktree: Git, sha: string, mainline: number | null): Promise<void> {
  const result = await worktree.try(gitRevert(sha, mainline));
  if (result.exitCode === 0) return;
  const conflicts = (await worktree.must(gitConflicts())).split("\n").filter(Boolean);
  await worktree.try(gitRevertAbort());
  if (conflicts.length > 0) {
    throw new FiberError(
      "REVERT_CONFLICT",
      `Later commits changed the same lines in ${conflicts.join(", ")}, so ${sha.slice(0, 10)} cannot be reverted by itself. ` +
        "Revert the later commits first, or mend it with `fiber hotfix start`. Nothing was changed.",
    );
  }
  if (
    /nothing to commit|previous cherry-pick is now empty|nothing added to commit/.test(
      result.stdout,
    )
  ) {
    throw new FiberError(
      "NOTHING_TO_REVERT",
      `${sha.slice(0, 10)} is reverted already: its changes are not on the branch any more.`,
    );
  }
  throw gitError(result);
}
