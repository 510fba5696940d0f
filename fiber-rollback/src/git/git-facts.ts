import { FiberError } from "#contracts";
import {
  gitCurrentBranch,
  gitFetch,
  gitIsShallow,
  gitLog,
  gitRemoteRef,
  gitResolve,
  gitStatus,
  gitTags,
} from "./git-commands.js";
import type { Git } from "./run-git.js";

/** One commit of a log. */
export interface Commit {
  readonly sha: string;
  readonly parents: readonly string[];
  readonly author: string;
  readonly date: string;
  readonly subject: string;
}

/** The commit a revision names, or null. */
export async function resolveCommit(git: Git, rev: string): Promise<string | null> {
  const result = await git.try(gitResolve(rev));
  return result.exitCode === 0 ? result.stdout.trim() : null;
}

/** @throws FiberError REVISION_NOT_FOUND naming the revision and what to do */
export async function mustResolve(git: Git, rev: string): Promise<string> {
  const sha = await resolveCommit(git, rev);
  if (sha !== null) return sha;
  throw new FiberError(
    "REVISION_NOT_FOUND",
    `${rev} is no commit of ${git.folder}. If others have it, run \`git fetch --tags\` first.`,
  );
}

/** Files that differ from the checked-out commit, new ones too; empty for a clean tree. */
export async function changedFiles(
  git: Git,
  options: { readonly untracked: boolean } = { untracked: true },
): Promise<readonly string[]> {
  const text = await git.must(gitStatus(options.untracked));
  return text === "" ? [] : text.split("\n").map((line) => line.slice(3));
}

/** @throws FiberError TREE_DIRTY naming the first files */
export async function requireCleanTree(git: Git): Promise<void> {
  const files = await changedFiles(git);
  if (files.length === 0) return;
  const named = files.slice(0, 3).join(", ") + (files.length > 3 ? ", …" : "");
  throw new FiberError(
    "TREE_DIRTY",
    `${git.folder} has uncommitted changes (${named}). Commit or stash them, then run this again.`,
  );
}

/** @throws FiberError HISTORY_SHALLOW: what is asked for needs commits that are not here */
export async function requireFullHistory(git: Git): Promise<void> {
  if ((await git.must(gitIsShallow())).trim() !== "true") return;
  throw new FiberError(
    "HISTORY_SHALLOW",
    "This is a shallow clone, so the last good commit may be missing. Run `git fetch --unshallow` first.",
  );
}

/** Whether `ancestor` is reachable from `descendant`. */
export async function isAncestor(git: Git, ancestor: string, descendant: string): Promise<boolean> {
  const result = await git.try(["git", "merge-base", "--is-ancestor", ancestor, descendant]);
  return result.exitCode === 0;
}

/** The branch that is checked out, or null for a detached head. */
export async function currentBranch(git: Git): Promise<string | null> {
  return (await git.must(gitCurrentBranch())).trim() || null;
}

/** The newest `limit` commits of a range, newest first. */
export async function commitsOf(
  git: Git,
  range: string,
  limit: number,
): Promise<readonly Commit[]> {
  const text = await git.must(gitLog(range, limit));
  return text === "" ? [] : text.split("\n").map(readCommit);
}

/** Local tags with the commits they point at. */
export async function tagsOf(git: Git): Promise<ReadonlyMap<string, string>> {
  const text = await git.must(gitTags());
  const pairs = text.split("\n").filter((line) => line !== "");
  return new Map(
    pairs.map((line) => {
      const [tag = "", commit = ""] = line.split("\t");
      return [tag, commit];
    }),
  );
}

/**
 * Brings news from the remote.
 *
 * @throws FiberError REMOTE_UNREACHABLE with git's own words
 */
export async function fetchRemote(git: Git, remote: string): Promise<void> {
  const result = await git.try(gitFetch(remote));
  if (result.exitCode === 0) return;
  // A tag that was moved on one side makes the fetch fail although the remote answers.
  const clash = /would clobber existing tag/.test(result.stderr);
  throw clash
    ? new FiberError(
        "TAG_MOVED",
        `A tag of yours differs from ${remote}'s: ${lastLine(result.stderr)}. Tags of releases never move: find out who moved it.`,
      )
    : unreachable(remote, result.stderr, result.timedOut);
}

/**
 * The commit or tag object that a remote's ref points at, or null when it has none.
 *
 * @throws FiberError REMOTE_UNREACHABLE
 */
export async function remoteRef(git: Git, remote: string, ref: string): Promise<string | null> {
  const result = await git.try(gitRemoteRef(remote, ref));
  if (result.exitCode !== 0) throw unreachable(remote, result.stderr, result.timedOut);
  return result.stdout.split(/\s/)[0] || null;
}

/** Whether a remote of this name is configured. */
export async function hasRemote(git: Git, remote: string): Promise<boolean> {
  return (await git.must(["git", "remote"])).split("\n").includes(remote);
}

function unreachable(remote: string, stderr: string, timedOut: boolean): FiberError {
  // Git's last line is advice; the first says what is wrong.
  const words = timedOut ? "no answer in time" : (stderr.trim().split("\n")[0] ?? "");
  return new FiberError(
    "REMOTE_UNREACHABLE",
    `The remote ${remote} does not answer: ${words}. Nothing was changed. Mend the connection or ` +
      `the address (git remote get-url ${remote}), then run this again.`,
  );
}

function readCommit(line: string): Commit {
  const [sha = "", parents = "", author = "", date = "", ...subject] = line.split("\t");
  return {
    sha,
    parents: parents.split(" ").filter(Boolean),
    author,
    date,
    subject: subject.join("\t"),
  };
}

function lastLine(text: string): string {
  return text.trim().split("\n").at(-1) ?? "";
}
