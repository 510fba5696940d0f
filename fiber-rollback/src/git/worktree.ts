import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gitWorktreeAdd, gitWorktreeRemove } from "./git-commands.js";
import { createGit, type Git } from "./run-git.js";

/**
 * Runs `work` in a throw-away worktree at a commit, so that nobody's checkout is touched. The
 * worktree is removed afterwards, whatever happened; a failing removal never hides `work`'s error.
 */
export async function inWorktree<T>(
  git: Git,
  at: string,
  work: (worktree: Git) => Promise<T>,
): Promise<T> {
  const parent = mkdtempSync(join(tmpdir(), "fiber-worktree-"));
  const folder = join(parent, "tree");
  try {
    await git.must(gitWorktreeAdd(folder, { at }));
    return await work(createGit(folder));
  } finally {
    await git.try(gitWorktreeRemove(folder));
    rmSync(parent, { recursive: true, force: true });
  }
}
