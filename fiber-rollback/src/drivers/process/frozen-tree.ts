import { chmod, lstat, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { unfinishedName } from "../../durable-files.js";

/** Takes the permission to write from everything in a tree, its own folder included. */
export async function freezeTree(root: string): Promise<void> {
  await eachEntry(root, async (path, kind, mode) => {
    await chmod(path, kind === "folder" ? 0o555 : (mode & 0o555) | 0o444);
  });
}

/**
 * Removes a tree, frozen or not. Its name is free at once; a kill leaves a hidden folder that the
 * next build removes.
 */
export async function removeTree(root: string): Promise<void> {
  const doomed = unfinishedName(root);
  try {
    await rename(root, doomed);
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === "ENOENT") return;
    throw err;
  }
  await destroyTree(doomed);
}

/** Removes a folder, or a file, in which read-only folders may lie, such as built releases. */
export async function destroyTree(root: string): Promise<void> {
  await eachEntry(root, async (path, kind, mode) => {
    if (kind === "folder" && (mode & 0o700) !== 0o700) await chmod(path, mode | 0o700);
  });
  await rm(root, { recursive: true, force: true, maxRetries: 3 });
}

/** Visits folders before what lies in them; links are left alone. */
async function eachEntry(
  root: string,
  visit: (path: string, kind: "folder" | "file", mode: number) => Promise<void>,
): Promise<void> {
  const found = await lstat(root).catch((err: NodeJS.ErrnoException) => {
    if (err.code === "ENOENT") return null;
    throw err;
  });
  if (found === null || found.isSymbolicLink()) return;
  if (!found.isDirectory()) return visit(root, "file", found.mode);
  await visit(root, "folder", found.mode);
  for (const name of await readdir(root)) await eachEntry(join(root, name), visit);
}
