import { basename, dirname, join, relative } from "node:path";
import { linkTarget, moveLink } from "../../durable-files.js";
import { releaseTree } from "../../releases/release-places.js";

/** `<state>/current`: the link to the tree of the release that is started. */
export function currentLink(stateDir: string): string {
  return join(stateDir, "current");
}

/** The tag that `current` points at; null when nothing was deployed. */
export async function currentTag(stateDir: string): Promise<string | null> {
  const target = await linkTarget(currentLink(stateDir));
  if (target === null || basename(target) !== "tree") return null;
  return basename(dirname(target));
}

/** Points `current` at a release in one step. */
export async function makeCurrent(stateDir: string, tag: string): Promise<void> {
  if ((await currentTag(stateDir)) === tag) return;
  await moveLink(currentLink(stateDir), relative(stateDir, releaseTree(stateDir, tag)));
}
