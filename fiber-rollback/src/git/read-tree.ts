import { FiberError } from "#contracts";
import { gitFolder, gitReadObjects } from "./git-commands.js";
import type { Git } from "./run-git.js";

/** A text file as a commit holds it. */
export interface TreeFile {
  readonly name: string;
  readonly text: string;
}

/**
 * The files that lie directly in a folder of a commit, read without checking anything out.
 *
 * @param wanted which names to read; all by default
 * @returns null when the commit has no such folder
 */
export async function readTreeFolder(
  git: Git,
  at: { readonly commit: string; readonly folder: string },
  wanted: (name: string) => boolean = () => true,
): Promise<readonly TreeFile[] | null> {
  const listed = await git.try(gitFolder(at.commit, at.folder.replace(/\/+$/, "")));
  if (listed.exitCode !== 0) return null;
  const blobs = listed.stdout
    .split("\0")
    .map((line) => /^\d+ blob ([0-9a-f]+)\t(.+)$/s.exec(line))
    .flatMap((found) => (found?.[1] && found[2] ? [{ id: found[1], name: found[2] }] : []))
    .filter(({ name }) => wanted(name));
  if (blobs.length === 0) return [];
  const texts = await readObjects(
    git,
    blobs.map(({ id }) => id),
  );
  return blobs.map(({ name }, at) => ({ name, text: texts[at] ?? "" }));
}

/** The objects' contents as UTF-8 text, in order. */
async function readObjects(git: Git, ids: readonly string[]): Promise<readonly string[]> {
  // A last request that fails keeps the final line end from being cut off as the output's own.
  const output = await git.must(gitReadObjects(), `${[...ids, "end"].join("\n")}\n`);
  const bytes = Buffer.from(output);
  let at = 0;
  return ids.map((id) => {
    const headEnd = bytes.indexOf("\n", at);
    const size = Number(/ blob (\d+)$/.exec(bytes.toString("utf8", at, headEnd))?.[1]);
    if (headEnd < 0 || !Number.isInteger(size)) throw unreadable(git, id);
    const text = bytes.toString("utf8", headEnd + 1, headEnd + 1 + size);
    at = headEnd + 1 + size + 1;
    return text;
  });
}

function unreadable(git: Git, id: string): FiberError {
  return new FiberError(
    "GIT_FAILED",
    `git cat-file could not read object ${id} of ${git.folder}. Run \`git fsck\` there.`,
  );
}
