import { randomBytes } from "node:crypto";
import { lstat, mkdir, open, readdir, readlink, rename, rm, symlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/** Makes a folder that only its owner may enter, and its parents. */
export async function makePrivateFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
}

/** Brings a file or a folder's entries to the disk. */
export async function syncPath(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Writes a whole file (0600) so that after a crash it is there in full or as it was before. */
export async function writeDurably(path: string, content: string | Uint8Array): Promise<void> {
  const unfinished = unfinishedName(path);
  try {
    const handle = await open(unfinished, "wx", 0o600);
    try {
      await handle.writeFile(content);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(unfinished, path);
  } catch (err) {
    await rm(unfinished, { force: true });
    throw err;
  }
  await syncPath(dirname(path));
}

/** Gives a synced file its final name; a name that is taken is replaced. */
export async function renameDurably(from: string, to: string): Promise<void> {
  await rename(from, to);
  await syncPath(dirname(to));
}

/** Points a symbolic link at `target` (relative to the link's folder) in one step. */
export async function moveLink(link: string, target: string): Promise<void> {
  const unfinished = unfinishedName(link);
  await symlink(target, unfinished);
  await renameDurably(unfinished, link);
}

/** Where a link points as it is written; null for anything but a link. */
export async function linkTarget(path: string): Promise<string | null> {
  const found = await lstat(path).catch(() => null);
  return found?.isSymbolicLink() ? await readlink(path) : null;
}

/** A hidden name beside `path` that says which process is writing it. */
export function unfinishedName(path: string): string {
  const random = randomBytes(3).toString("hex");
  return join(dirname(path), `.${basename(path)}.${process.pid}-${random}.partial`);
}

/** Removes what killed processes left unfinished in a folder; returns the names. */
export async function removeUnfinished(
  folder: string,
  remove: (path: string) => Promise<void> = (path) => rm(path, { recursive: true, force: true }),
): Promise<readonly string[]> {
  const entries = await readdir(folder).catch(() => []);
  const removed: string[] = [];
  for (const entry of entries) {
    const pid = Number(/\.(\d+)-[0-9a-f]{6}\.partial$/.exec(entry)?.[1]);
    if (!Number.isInteger(pid) || isAlive(pid)) continue;
    await remove(join(folder, entry));
    removed.push(entry);
  }
  return removed;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code === "EPERM";
  }
}
