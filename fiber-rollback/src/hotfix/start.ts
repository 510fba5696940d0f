import { existsSync } from "node:fs";
import { join } from "node:path";
import { FiberError } from "#contracts";
import { gitGetConfig, gitSetConfig, gitWorktreeAdd } from "../git/git-commands.js";
import { mustResolve, requireFullHistory, resolveCommit } from "../git/git-facts.js";
import type { Git } from "../git/run-git.js";
import type { HotfixContext } from "./hotfix-context.js";

/** A hotfix that was begun. */
export interface Hotfix {
  readonly branch: string;
  readonly folder: string;
  readonly from: string;
}

/**
 * Branches `hotfix/<description>` from the last good tag, in a worktree of its own in the state
 * folder, so that the operator's checkout stays as it is.
 *
 * @throws FiberError USAGE for a description without letters, HOTFIX_EXISTS, REVISION_NOT_FOUND
 */
export async function startHotfix(
  context: HotfixContext,
  what: { readonly description: string; readonly from: string },
): Promise<Hotfix> {
  const { git, stateDir } = context;
  const slug = slugOf(what.description);
  const branch = `hotfix/${slug}`;
  const folder = hotfixFolder(stateDir, slug);
  await requireFullHistory(git);
  const base = await mustResolve(git, what.from);
  await requireNew(git, { branch, folder, slug });
  await git.must(gitWorktreeAdd(folder, { newBranch: branch, from: base }));
  // Where it began, for `finish`: a tag may lie further back than the commit that was asked for.
  await git.must(gitSetConfig(beginningKey(branch), base));
  return { branch, folder, from: what.from };
}

/** Where a hotfix began; null for a branch that was made by hand. */
export async function hotfixBeginning(git: Git, slug: string): Promise<string | null> {
  const found = await git.try(gitGetConfig(beginningKey(`hotfix/${slug}`)));
  return found.exitCode === 0 ? found.stdout.trim() : null;
}

function beginningKey(branch: string): string {
  return `branch.${branch}.fiberFrom`;
}

async function requireNew(
  git: Git,
  what: { readonly branch: string; readonly folder: string; readonly slug: string },
): Promise<void> {
  const { branch, folder, slug } = what;
  if (existsSync(folder)) {
    throw new FiberError(
      "HOTFIX_EXISTS",
      `${branch} exists already, in ${folder}. Finish it with \`fiber hotfix finish ${slug}\`, or describe this one differently.`,
    );
  }
  if ((await resolveCommit(git, `refs/heads/${branch}`)) === null) return;
  throw new FiberError(
    "HOTFIX_EXISTS",
    `The branch ${branch} exists already, without its folder. Go on with it: git worktree prune && ` +
      `git worktree add ${folder} ${branch}; or remove it: git branch -D ${branch}; or describe this one differently.`,
  );
}

/** Where a hotfix's worktree lies. */
export function hotfixFolder(stateDir: string, slug: string): string {
  return join(stateDir, "hotfix", slug);
}

/**
 * A description as the end of a branch name: lower case, digits and hyphens, at most 50 characters.
 *
 * @throws FiberError USAGE when nothing is left
 */
export function slugOf(description: string): string {
  const slug = description
    .normalize("NFKD")
    .toLowerCase()
    .replace(/^hotfix\//, "")
    .replace(/\p{M}/gu, "")
    .replace(/[^a-z0-9]+/g, "-")
    .slice(0, 50)
    .replace(/^-+|-+$/g, "");
  if (slug !== "") return slug;
  throw new FiberError(
    "USAGE",
    `"${description}" has no letters or digits to name a branch after. Example: fiber hotfix start "fix login".`,
  );
}
