import { existsSync } from "node:fs";
import { FiberError } from "#contracts";
import { type GateReport, type GateResult, keepGateReport } from "../gates/gate-report.js";
import { runGates } from "../gates/run-gates.js";
import {
  gitCherryPick,
  gitCherryPickAbort,
  gitConflicts,
  gitTagDelete,
  gitWorktreeRemove,
} from "../git/git-commands.js";
import { commitsOf, requireCleanTree, requireFullHistory, tagsOf } from "../git/git-facts.js";
import { findVersionTag, lastVersionTag } from "../git/last-tag.js";
import { nextPatchTag } from "../git/next-tag.js";
import { createGit, type Git, gitError } from "../git/run-git.js";
import { requireFreeTag, signTag } from "../git/sign-tag.js";
import { inWorktree } from "../git/worktree.js";
import { type HotfixContext, releaseBranchHead } from "./hotfix-context.js";
import { publish } from "./publish.js";
import { hotfixBeginning, hotfixFolder } from "./start.js";

/** What finishing a hotfix did. */
export interface FinishedHotfix {
  readonly tag: string;
  readonly head: string;
  readonly commits: readonly string[];
  readonly gates: GateReport;
}

/** More commits than this are no hotfix, and an unrelated branch would be picked over by mistake. */
const MOST_COMMITS = 100;

/**
 * Cherry-picks the hotfix onto the release branch, runs the gates there, signs the next patch
 * version's tag and pushes branch and tag together. Whatever stops it leaves nothing half-done: the
 * tag is removed, the remote is as it was, the hotfix's worktree stays.
 *
 * @throws FiberError HISTORY_SHALLOW, TREE_DIRTY, NOTHING_TO_FINISH, GATES_FAILED, CHERRY_PICK_CONFLICT, TAG_EXISTS,
 *   SIGNING_FAILED, PUSH_REJECTED
 */
export async function finishHotfix(
  context: HotfixContext,
  what: {
    readonly slug: string;
    /** Where it began; null: as `start` noted it, else the newest version tag in its history. */
    readonly from: string | null;
    readonly tag: string | null;
    readonly show: (gate: GateResult) => void;
  },
): Promise<FinishedHotfix> {
  const { git } = context;
  const hotfix = createGit(requireFolder(context.stateDir, what.slug));
  await requireFullHistory(git);
  await requireCleanTree(hotfix);
  const from =
    what.from ??
    (await hotfixBeginning(git, what.slug)) ??
    (await lastVersionTag(git, `hotfix/${what.slug}`));
  const commits = await hotfixCommits(hotfix, from);
  const head = await releaseBranchHead(context);
  const tag = await freeTag(context, { head, from, tag: what.tag });
  return inWorktree(git, head, async (worktree) => {
    await applyCommits(worktree, commits, context.project.branch);
    const newHead = (await worktree.must(["git", "rev-parse", "HEAD"])).trim();
    const gates = await passGates(context, { tree: worktree.folder, commit: newHead }, what);
    await signTag(git, { tag, commit: newHead, message: `Hotfix: ${what.slug}` });
    try {
      await publish(context, { head: newHead, tag });
    } catch (err) {
      await git.try(gitTagDelete(tag));
      throw err;
    }
    await git.must(gitWorktreeRemove(hotfix.folder));
    return { tag, head: newHead, commits, gates };
  });
}

function requireFolder(stateDir: string, slug: string): string {
  const folder = hotfixFolder(stateDir, slug);
  if (existsSync(folder)) return folder;
  throw new FiberError(
    "NOTHING_TO_FINISH",
    `There is no hotfix "${slug}". Begin one with \`fiber hotfix start "${slug}"\`.`,
  );
}

async function hotfixCommits(hotfix: Git, from: string): Promise<readonly string[]> {
  const commits = await commitsOf(hotfix, `${from}..HEAD`, MOST_COMMITS + 1);
  if (commits.length === 0) {
    throw new FiberError(
      "NOTHING_TO_FINISH",
      `${hotfix.folder} has no commit since ${from}. Commit the fix there first.`,
    );
  }
  const merge = commits.find((commit) => commit.parents.length > 1);
  if (merge !== undefined || commits.length > MOST_COMMITS) {
    throw new FiberError(
      "NOTHING_TO_FINISH",
      `A hotfix is a few plain commits; ${hotfix.folder} has ${merge ? `a merge (${merge.sha.slice(0, 10)})` : `more than ${MOST_COMMITS}`} since ${from}.`,
    );
  }
  return commits.map((commit) => commit.sha).toReversed();
}

/** The tag to set, free here and on the remote: by default the branch's own next patch version. */
async function freeTag(
  { git, project }: HotfixContext,
  what: { readonly head: string; readonly from: string; readonly tag: string | null },
): Promise<string> {
  const last = (await findVersionTag(git, what.head)) ?? what.from;
  const tag = what.tag ?? nextPatchTag(last, (await tagsOf(git)).keys());
  await requireFreeTag(git, tag, project.remote);
  return tag;
}

/** Judges what will be released: the branch with the fix on it. The report is kept for `deploy`. */
async function passGates(
  { project, clock, stateDir, signal }: HotfixContext,
  at: { readonly tree: string; readonly commit: string },
  what: { readonly slug: string; readonly show: (gate: GateResult) => void },
): Promise<GateReport> {
  const { commit } = at;
  const { show } = what;
  const ran = await runGates(project.gates, { folder: at.tree, commit, clock, show, signal });
  const report = await keepGateReport(stateDir, ran, project.gates);
  const failed = report.gates.find((gate) => gate.verdict !== "passed");
  if (failed === undefined) return report;
  throw new FiberError(
    "GATES_FAILED",
    `The gate "${failed.title}" did not pass on ${project.branch} with the fix:\n${failed.tail}\n` +
      `Mend it in ${hotfixFolder(stateDir, what.slug)}, commit, and finish again; or revert what ` +
      "broke the branch first (fiber hotfix blame). Nothing was pushed.",
  );
}

async function applyCommits(
  worktree: Git,
  commits: readonly string[],
  branch: string,
): Promise<void> {
  const result = await worktree.try(gitCherryPick(commits));
  if (result.exitCode === 0) return;
  const conflicts = (await worktree.must(gitConflicts())).split("\n").filter(Boolean);
  await worktree.try(gitCherryPickAbort());
  if (conflicts.length > 0) {
    throw new FiberError(
      "CHERRY_PICK_CONFLICT",
      `${branch} changed the same lines in ${conflicts.join(", ")}. Revert the bad commit on ${branch} first ` +
        "(`fiber hotfix revert`), or rebase the hotfix onto it. Nothing was changed.",
    );
  }
  throw gitError(result);
}
