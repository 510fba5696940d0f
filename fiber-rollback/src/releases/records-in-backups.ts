import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { FiberError } from "#contracts";
import { parseManifest } from "../backup/manifest.js";
import { backupsFolder } from "../backup/places.js";
import { parseReleaseRecord, type ReleaseRecord } from "./release-record.js";

/**
 * The newest record of every release that a manifest holds, in the state folder and in a folder
 * that backups were copied to. A manifest without its dump counts: the record is in the manifest.
 *
 * @throws FiberError USAGE when `from` cannot be read, RELEASE_TOO_NEW
 */
export async function recordsInBackups(
  stateDir: string,
  from: string | null,
): Promise<ReadonlyMap<string, ReleaseRecord>> {
  const own = await manifestsBelow(backupsFolder(stateDir)).catch(ifMissing);
  const copied = from === null ? [] : await manifestsBelow(from).catch((err) => refuse(from, err));
  const newest = new Map<string, ReleaseRecord>();
  for (const path of [...own, ...copied]) {
    const record = await recordIn(path);
    const known = record && newest.get(record.tag);
    if (record === null || (known && !isNewer(record, known))) continue;
    newest.set(record.tag, record);
  }
  return newest;
}

/** `<folder>/<tag>/<name>.manifest.json`, as backups lie and as they are copied. */
async function manifestsBelow(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && /^[^.].*\.manifest\.json$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

async function recordIn(path: string): Promise<ReleaseRecord | null> {
  try {
    const { release } = parseManifest(await readFile(path, "utf8"), path);
    return release === null ? null : parseReleaseRecord(release, path);
  } catch (err) {
    // One damaged manifest among many: another one of the same release has its record.
    if (err instanceof FiberError && /_INVALID$/.test(err.code)) return null;
    throw err;
  }
}

/** What was found out later wins: a judgement, a start, a proof. */
function isNewer(one: ReleaseRecord, other: ReleaseRecord): boolean {
  const order = lastMoment(one).localeCompare(lastMoment(other));
  return order > 0 || (order === 0 && one.backups.length >= other.backups.length);
}

function lastMoment(record: ReleaseRecord): string {
  const proofs = record.compatibleWith.map((proof) => proof.provedAt);
  const { judgedAt, liveAt, baseline, createdAt } = record;
  const moments = [judgedAt, liveAt, baseline?.recordedAt, createdAt, ...proofs];
  return moments.map((at) => at ?? "").reduce((last, at) => (at > last ? at : last), "");
}

function ifMissing(cause: NodeJS.ErrnoException): [] {
  if (cause.code === "ENOENT") return [];
  throw cause;
}

function refuse(folder: string, cause: NodeJS.ErrnoException): never {
  throw new FiberError(
    "USAGE",
    `${folder} cannot be read (${cause.code ?? cause.message}). Name the folder that backups were ` +
      "copied to, as in FIBER_BACKUP_COPY_TO.",
    { cause },
  );
}
