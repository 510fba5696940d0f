import { FiberError } from "#contracts";
import { readTreeFolder } from "../git/read-tree.js";
import type { Git } from "../git/run-git.js";
import { type Project, parseProject } from "./project-file.js";

/**
 * Reads the `fiber.yaml` of a commit, without checking it out: what a release needs is said by the
 * release, not by whatever is checked out.
 *
 * @throws FiberError PROJECT_FILE_MISSING, PROJECT_FILE_INVALID naming every problem
 */
export async function projectAt(git: Git, commit: string): Promise<Project> {
  const found = await readTreeFolder(git, { commit, folder: "" }, (name) => name === "fiber.yaml");
  const file = found?.[0];
  const where = `fiber.yaml of ${commit.slice(0, 12)}`;
  if (file !== undefined) return parseProject(file.text, where);
  throw new FiberError(
    "PROJECT_FILE_MISSING",
    `${where} is missing: it says what is released and how. See docs/fiber-yaml.md.`,
  );
}
