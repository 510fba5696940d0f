import type { Command } from "#runtime";

/** Commands of git as data: one place runs them, plans print them. */

/** The full hash of a commit, or a failure when there is none. */
export const gitResolve = (rev: string): Command => [
  "git",
  "rev-parse",
  "--verify",
  "--quiet",
  "--end-of-options",
  `${rev}^{commit}`,
];

/** The branch that is checked out; empty for a detached head. */
export const gitCurrentBranch = (): Command => ["git", "branch", "--show-current"];

/** Changed files, and on demand untracked ones, one a line; empty for a clean tree. */
export const gitStatus = (untracked: boolean): Command => [
  "git",
  "status",
  "--porcelain",
  `--untracked-files=${untracked ? "normal" : "no"}`,
];

/** Whether history is cut: prints "true" or "false". */
export const gitIsShallow = (): Command => ["git", "rev-parse", "--is-shallow-repository"];

/** The newest commits as `hash<TAB>parents<TAB>author<TAB>ISO date<TAB>subject`, newest first. */
export const gitLog = (range: string, limit: number): Command => [
  "git",
  "log",
  `--max-count=${limit}`,
  "--format=%H%x09%P%x09%an%x09%aI%x09%s",
  "--end-of-options",
  range,
  "--",
];

/** Reverts a commit; a merge needs the number of the parent that stays. */
export const gitRevert = (sha: string, mainline: number | null): Command => [
  "git",
  "revert",
  "--no-edit",
  ...(mainline === null ? [] : [`--mainline=${mainline}`]),
  sha,
];

/** Takes a stopped revert back. */
export const gitRevertAbort = (): Command => ["git", "revert", "--abort"];

/** Applies commits on top of the checked-out branch, recording where they came from. */
export const gitCherryPick = (commits: readonly string[]): Command => [
  "git",
  "cherry-pick",
  "-x",
  ...commits,
];

/** Takes a stopped cherry-pick back. */
export const gitCherryPickAbort = (): Command => ["git", "cherry-pick", "--abort"];

/** Files that a stopped merge, revert or cherry-pick left in conflict, one a line. */
export const gitConflicts = (): Command => ["git", "diff", "--name-only", "--diff-filter=U"];

/** Checks a branch out into a folder of its own; a new branch starts at `from`. */
export const gitWorktreeAdd = (
  folder: string,
  where: { readonly newBranch: string; readonly from: string } | { readonly at: string },
): Command =>
  "newBranch" in where
    ? ["git", "worktree", "add", "-b", where.newBranch, folder, where.from]
    : ["git", "worktree", "add", "--detach", folder, where.at];

/** Removes a worktree with whatever lies in it. */
export const gitWorktreeRemove = (folder: string): Command => [
  "git",
  "worktree",
  "remove",
  "--force",
  folder,
];

/** Forgets worktrees whose folder is gone. */
export const gitWorktreePrune = (): Command => ["git", "worktree", "prune"];

/** Signs a tag with the key that git is configured for. */
export const gitTagSigned = (tag: string, commit: string, message: string): Command => [
  "git",
  "tag",
  "--sign",
  `--message=${message}`,
  tag,
  commit,
];

/** Removes a local tag. */
export const gitTagDelete = (tag: string): Command => ["git", "tag", "--delete", tag];

/** Checks a tag's signature, for machines. */
export const gitVerifyTag = (tag: string): Command => ["git", "verify-tag", "--raw", tag];

/** Local tags with the commit each points at: `tag<TAB>commit`. */
export const gitTags = (): Command => [
  "git",
  "for-each-ref",
  "--format=%(refname:strip=2)%09%(if)%(*objectname)%(then)%(*objectname)%(else)%(objectname)%(end)",
  "refs/tags",
];

/** Brings branches and tags from a remote. */
export const gitFetch = (remote: string): Command => ["git", "fetch", "--tags", remote];

/** What a remote holds under a ref; empty when it has none. */
export const gitRemoteRef = (remote: string, ref: string): Command => [
  "git",
  "ls-remote",
  remote,
  ref,
];

/** Pushes several refs so that all arrive or none. */
export const gitPush = (remote: string, refspecs: readonly string[]): Command => [
  "git",
  "push",
  "--atomic",
  "--porcelain",
  remote,
  ...refspecs,
];

/** Moves a branch only when it still stands where it was seen. */
export const gitUpdateRef = (ref: string, to: string, seenAt: string): Command => [
  "git",
  "update-ref",
  ref,
  to,
  seenAt,
];

/** The names of a folder's files in a commit, each ended by NUL; one level deep. */
export const gitFolder = (commit: string, folder: string): Command => [
  "git",
  "ls-tree",
  "-z",
  "--full-tree",
  "--end-of-options",
  folder === "" ? commit : `${commit}:${folder}`,
];

/** Prints the objects named on stdin, each after a line `<id> <type> <bytes>`. */
export const gitReadObjects = (): Command => ["git", "cat-file", "--batch"];

/** The kind of object a tag's ref points at, `tag` or `commit`, and the name a tag object bears. */
export const gitTagObject = (tag: string): Command => [
  "git",
  "for-each-ref",
  "--format=%(objecttype)%09%(tag)",
  `refs/tags/${tag}`,
];

/** When a tag was made, or its commit for a lightweight one: epoch seconds. */
export const gitTagTime = (tag: string): Command => [
  "git",
  "for-each-ref",
  "--format=%(creatordate:unix)",
  `refs/tags/${tag}`,
];

/** Sets a value of the repository's own configuration. */
export const gitSetConfig = (key: string, value: string): Command => [
  "git",
  "config",
  "--local",
  key,
  value,
];

/** Prints a value of the repository's own configuration; exit 1 when there is none. */
export const gitGetConfig = (key: string): Command => ["git", "config", "--local", "--get", key];
