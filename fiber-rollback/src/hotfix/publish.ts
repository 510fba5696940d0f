import { FiberError } from "#contracts";
import { gitPush, gitUpdateRef } from "../git/git-commands.js";
import { changedFiles, currentBranch, resolveCommit } from "../git/git-facts.js";
import { gitError } from "../git/run-git.js";
import type { HotfixContext } from "./hotfix-context.js";

/**
 * Pushes the release branch's new head, and a tag with it where there is one: both arrive or none.
 * Afterwards the local branch follows, unless it is checked out with changes.
 *
 * @throws FiberError PUSH_REJECTED: nothing was changed anywhere
 */
export async function publish(
  context: HotfixContext,
  news: { readonly head: string; readonly tag?: string },
): Promise<void> {
  const { git, project } = context;
  const refs = [`${news.head}:refs/heads/${project.branch}`];
  if (news.tag !== undefined) refs.push(`refs/tags/${news.tag}`);
  const pushed = await git.try(gitPush(project.remote, refs));
  if (pushed.exitCode !== 0) {
    throw new FiberError(
      "PUSH_REJECTED",
      `${project.remote} did not take the push: ${rejection(pushed.stdout, pushed.stderr)} Nothing was changed.`,
      { cause: gitError(pushed) },
    );
  }
  await followLocally(context, news.head);
}

/** Moves the local release branch to what was pushed. */
async function followLocally(context: HotfixContext, head: string): Promise<void> {
  const { git, project } = context;
  const ref = `refs/heads/${project.branch}`;
  if ((await currentBranch(git)) === project.branch) {
    const moved = (await changedFiles(git)).length === 0;
    if (moved) await git.must(["git", "merge", "--ff-only", "--quiet", head]);
    else
      context.say(
        `Your checkout of ${project.branch} has changes: run \`git pull\` when it is clean.`,
      );
    return;
  }
  const local = await resolveCommit(git, ref);
  if (local !== null) await git.must(gitUpdateRef(ref, head, local));
}

/** What the remote said, in one sentence, with what to do where that is known. */
function rejection(stdout: string, stderr: string): string {
  const text = `${stdout}\n${stderr}`;
  if (/fetch first|non-fast-forward|stale info|cannot lock ref/.test(text)) {
    return "somebody pushed in between. Run this again.";
  }
  if (/already exists/.test(text))
    return "the tag exists there already. Choose another with --tag.";
  const hook = /^remote: (?:error: )?(.+)$/m.exec(text)?.[1];
  if (/protected|hook declined|denied/i.test(text)) {
    return `it protects this branch${hook === undefined ? "" : ` ("${hook.trim()}")`}. Ask for a pull request, or for the right to push.`;
  }
  return `${text.trim().split("\n").at(-1) ?? "no reason given"}.`;
}
