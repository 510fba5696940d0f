import { join } from "node:path";
import { FiberError } from "#contracts";
import { createGit, type Git, type Project, readProject } from "#rollback";
import { packageRoot, runCommand } from "#runtime";

/**
 * Git at the root of the repository that the command was started in.
 *
 * @throws FiberError NOT_A_REPOSITORY
 */
export async function openRepository(): Promise<Git> {
  const root = await runCommand(["git", "rev-parse", "--show-toplevel"]);
  if (root.exitCode === 0) return createGit(root.stdout.trim());
  throw new FiberError(
    "NOT_A_REPOSITORY",
    root.startError === "ENOENT"
      ? "git was not found: install it."
      : `${process.cwd()} is not inside a git repository. Change into the clone first.`,
  );
}

/**
 * The repository that the command was started in; else the one that it belongs to itself.
 *
 * @throws FiberError NOT_A_REPOSITORY
 */
export async function findRepository(): Promise<Git> {
  try {
    return await openRepository();
  } catch (err) {
    if (!isCoded(err, "NOT_A_REPOSITORY")) throw err;
    // An engine lies in no clone: the launcher says from where it was started.
    const own = createGit(process.env.FIBER_LAUNCHED_FROM || packageRoot);
    if ((await own.try(["git", "rev-parse", "--git-dir"])).exitCode === 0) return own;
    throw err;
  }
}

/** What {@link findRepository} finds; null when there is none. */
export async function findRepositoryIfAny(): Promise<Git | null> {
  try {
    return await findRepository();
  } catch (err) {
    if (isCoded(err, "NOT_A_REPOSITORY")) return null;
    throw err;
  }
}

/**
 * What is released from a repository: its checked-out fiber.yaml, else the running release's. (A
 * checked-out commit without fiber.yaml must not keep anybody from rolling back.)
 *
 * @throws FiberError PROJECT_FILE_MISSING, PROJECT_FILE_INVALID
 */
export function findReleasedProject(git: Git, stateDir: string): Project {
  return firstProject(git.folder, [join(stateDir, "current")]);
}

/**
 * What this installation is about: as {@link findReleasedProject}, else our own fiber.yaml.
 *
 * @throws FiberError PROJECT_FILE_MISSING, PROJECT_FILE_INVALID
 */
export function findProject(git: Git | null, stateDir: string): Project {
  const current = join(stateDir, "current");
  if (git === null) return firstProject(current, [packageRoot]);
  return firstProject(git.folder, [current, packageRoot]);
}

/** The first root that has a fiber.yaml; else the complaint is about the first of all. */
function firstProject(root: string, others: readonly string[]): Project {
  try {
    return readProject(root);
  } catch (err) {
    if (!isCoded(err, "PROJECT_FILE_MISSING")) throw err;
    for (const other of others) {
      try {
        return readProject(other);
      } catch (next) {
        if (!isCoded(next, "PROJECT_FILE_MISSING")) throw next;
      }
    }
    throw err;
  }
}

function isCoded(err: unknown, code: string): boolean {
  return err instanceof FiberError && err.code === code;
}
