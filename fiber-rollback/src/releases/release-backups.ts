import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { FiberError } from "#contracts";
import { type Manifest, manifestPathOf, readManifest, updateManifest } from "../backup/manifest.js";
import { backupsFolder } from "../backup/places.js";
import type { ReleaseRecord } from "./release-record.js";

/** Dumps by release: paths below `<state>/backups`, oldest name first, those with a manifest only. */
export async function backupsByRelease(
  stateDir: string,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const root = backupsFolder(stateDir);
  const entries = await readdir(root, { withFileTypes: true }).catch(ifMissing);
  const tags = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  const found = tags.map(async (tag) => [tag, await backupsOf(stateDir, tag)] as const);
  return new Map(await Promise.all(found));
}

/** The dumps of one release, as backupsByRelease has them. */
export async function backupsOf(stateDir: string, tag: string): Promise<readonly string[]> {
  const entries = await readdir(join(backupsFolder(stateDir), tag), { withFileTypes: true }).catch(
    ifMissing,
  );
  const names = new Set(entries.map((entry) => entry.name));
  return [...names]
    .filter((name) => /^[^.].*\.dump(\.age)?$/.test(name) && names.has(manifestPathOf(name)))
    .sort()
    .map((name) => `${tag}/${name}`);
}

/**
 * Keeps a record in the manifest of its newest backup, so that a lost state folder can be rebuilt
 * from backups with what was found out after they were taken. A manifest that cannot be read is
 * passed over: `fiber backup verify` tells of it.
 */
export async function embedInNewestBackup(stateDir: string, record: ReleaseRecord): Promise<void> {
  let newest: { readonly path: string; readonly manifest: Manifest } | null = null;
  for (const backup of record.backups) {
    const path = join(backupsFolder(stateDir), backup);
    const manifest = await readManifest(path).catch((err: unknown) => {
      if (err instanceof FiberError) return null;
      throw err;
    });
    if (manifest === null) continue;
    if (newest === null || manifest.createdAt >= newest.manifest.createdAt) {
      newest = { path, manifest };
    }
  }
  if (newest === null) return;
  if (JSON.stringify(newest.manifest.release) === JSON.stringify(record)) return;
  await updateManifest(newest.path, { release: { ...record } });
}

function ifMissing(cause: NodeJS.ErrnoException): [] {
  if (cause.code === "ENOENT") return [];
  throw cause;
}
