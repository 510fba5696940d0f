import { join } from "node:path";
import { FiberError } from "#contracts";
import { createGit, type Git, type Project, readProject } from "#rollback";
import { packageRoot } from "#runtime";
import { openRepository } from "./actions/hotfix.js";

/** The repository that the command was started in, else the one that it belongs to itself, else null. */
export async function findRepositoryIfAny(): Promise<Git | null> {
  try {
    return await openRepository();
  } catch (err) {
    if (!(err instanceof FiberError) || err.code !== "NOT_A_REPOSITORY") throw err;
    const own = createGit(packageRoot);
    return (await own.try(["git", "rev-parse", "--git-dir"])).exitCode === 0 ? own : null;
  }
}

/**
 * What is released: the checked-out fiber.yaml, else the running release's, else our own.
 *
 * @throws FiberError PROJECT_FILE_MISSING, PROJECT_FILE_INVALID
 */
export function findProject(git: Git | null, stateDir: string): Project {
  const roots = [...(git === null ? [] : [git.folder]), join(stateDir, "current"), packageRoot];
  for (const root of roots) {
    try {
      return readProject(root);
    } catch (err) {
      if (!(err instanceof FiberError) || err.code !== "PROJECT_FILE_MISSING") throw err;
    }
  }
  return readProject(packageRoot);
}
