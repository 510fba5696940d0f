import { readdirSync } from "node:fs";
import { join } from "node:path";
import { FiberError } from "#contracts";
import { type Manifest, manifestPathOf, readManifest, updateManifest } from "../backup/manifest.js";
import { backupsFolder } from "../backup/places.js";
import { orMissing } from "./read-records.js";
import type { ReleaseRecord } from "./release-record.js";

/** The dumps of a release: paths below `<state>/backups`, oldest name first, those with a manifest. */
export function backupsOf(stateDir: string, tag: string): readonly string[] {
  const names = new Set(orMissing(() => readdirSync(join(backupsFolder(stateDir), tag))));
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
