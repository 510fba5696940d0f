import type { Git } from "../git/run-git.js";

/**
 * Whether a part of the tree (the probe's own code) differs between two releases, by the digest git
 * keeps of it. Null when either release or the folder is not known here.
 */
export async function codeChanged(
  git: Git,
  releases: { readonly from: string | null; readonly to: string | null },
  folder: string,
): Promise<boolean | null> {
  const digests = await Promise.all(
    [releases.from, releases.to].map(async (release) => {
      if (release === null) return null;
      const found = await git.try([
        "git",
        "rev-parse",
        "--verify",
        "--quiet",
        `${release}:${folder}`,
      ]);
      return found.exitCode === 0 ? found.stdout.trim() : null;
    }),
  );
  const [from, to] = digests;
  return from == null || to == null ? null : from !== to;
}
