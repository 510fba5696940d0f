import { orderMigrations } from "#db";
import { readTreeFolder } from "../git/read-tree.js";
import type { Git } from "../git/run-git.js";

/** The migrations of a commit, read from its tree without checking it out. */
export async function loadMigrationsAt(
  git: Git,
  { commit, folder }: { readonly commit: string; readonly folder: string },
): Promise<ReturnType<typeof orderMigrations>> {
  const files = await readTreeFolder(git, { commit, folder }, (name) => name.endsWith(".sql"));
  return orderMigrations(files ?? [], `${folder} of ${commit.slice(0, 12)}`);
}
