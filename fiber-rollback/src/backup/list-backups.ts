import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { FiberError } from "#contracts";
import { linkTarget } from "../durable-files.js";
import { type Manifest, manifestPathOf, readManifest } from "./manifest.js";
import { backupsFolder } from "./places.js";

/** A dump found in the state folder. */
export interface BackupFound {
  /** Folder name: the release whose data it holds. */
  readonly tag: string;
  /** Absolute path of the dump. */
  readonly path: string;
  /** The dump's own size now, which the manifest's should equal. */
  readonly sizeBytes: number;
  /** Null when there is no usable manifest; `problem` then says why. */
  readonly manifest: Manifest | null;
  readonly problem: string | null;
  /** Epoch ms: the manifest's, else the file's. */
  readonly createdMs: number;
}

/** All dumps below `<state>/backups`, newest first; hidden and unfinished files are left out. */
export async function listBackups(stateDir: string): Promise<readonly BackupFound[]> {
  const root = backupsFolder(stateDir);
  const found: BackupFound[] = [];
  for (const tag of await foldersIn(root)) {
    const folder = join(root, tag);
    for (const name of (await readdir(folder)).sort()) {
      if (name.startsWith(".") || !/\.dump(\.age)?$/.test(name)) continue;
      const one = await inspect(tag, join(folder, name));
      if (one !== null) found.push(one);
    }
  }
  return found.sort((a, b) => b.createdMs - a.createdMs || b.path.localeCompare(a.path));
}

/**
 * The dump that a person means: a path, a tag (its newest complete one), or "latest".
 *
 * @throws FiberError BACKUP_NOT_FOUND
 */
export async function findBackup(stateDir: string, wanted: string): Promise<BackupFound> {
  const all = await listBackups(stateDir);
  const complete = all.filter((one) => one.manifest !== null);
  const link = await linkTarget(wanted);
  const path = link === null ? wanted : join(wanted, "..", link);
  const chosen =
    wanted === "latest"
      ? complete[0]
      : (complete.find((one) => one.tag === wanted) ??
        all.find((one) => one.path === path || one.path.endsWith(`/${wanted}`)) ??
        (await inspect("", path)));
  if (chosen) return chosen;
  throw new FiberError(
    "BACKUP_NOT_FOUND",
    `There is no backup "${wanted}" in ${backupsFolder(stateDir)} or at that path. ` +
      "`fiber backup list` shows what there is.",
  );
}

async function inspect(tag: string, path: string): Promise<BackupFound | null> {
  const file = await stat(path).catch(() => null);
  if (file === null || !file.isFile()) return null;
  const { manifest, problem } = await readManifest(path).then(
    (manifest) => ({ manifest, problem: null }),
    (err: unknown) => {
      if (!(err instanceof FiberError)) throw err;
      return { manifest: null, problem: `${manifestPathOf(path)}: ${err.code}` };
    },
  );
  const createdMs = manifest === null ? file.mtimeMs : Date.parse(manifest.createdAt);
  const known = tag || manifest?.tag || "";
  return { tag: known, path, sizeBytes: file.size, manifest, problem, createdMs };
}

async function foldersIn(root: string): Promise<readonly string[]> {
  const entries = await readdir(root, { withFileTypes: true }).catch(
    (cause: NodeJS.ErrnoException) => {
      if (cause.code === "ENOENT") return [];
      throw cause;
    },
  );
  return entries
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith(".") && entry.name !== "base")
    .map((entry) => entry.name);
}
