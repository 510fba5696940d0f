import { readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { removeUnfinished, unfinishedName } from "../durable-files.js";
import type { DataPorts } from "../ports.js";
import { type BaseFound, basesFolder, listBases } from "./base-manifest.js";
import { dropPointsBefore } from "./restore-points.js";
import { segmentOf } from "./segments.js";
import { segmentName, walFolder } from "./wal-folder.js";

/** What was removed. */
export interface WalTrimmed {
  readonly bases: readonly string[];
  readonly segments: number;
}

const KEEP_BASES = 2;
/** WAL that no base backup precedes recovers nothing; a day is kept for one that is being taken. */
const WITHOUT_BASE_MS = 24 * 3_600_000;

/**
 * Removes base backups beyond the newest two, and the archived WAL and restore points that the
 * oldest of the kept does not need, so that the archive does not grow without bound. An archive of
 * somebody else's (FIBER_WAL_ARCHIVE) is left alone.
 */
export async function trimWal(
  ports: Pick<DataPorts, "stateDir" | "clock" | "log">,
): Promise<WalTrimmed> {
  const bases = await listBases(ports.stateDir);
  const gone = bases.slice(0, Math.max(0, bases.length - KEEP_BASES));
  const folder = basesFolder(ports.stateDir);
  await removeUnfinished(folder);
  for (const base of gone) {
    // Renamed first, so that a kill leaves no base backup that lacks files.
    const leaving = unfinishedName(base.path);
    await rename(base.path, leaving);
    await rm(leaving, { recursive: true, force: true });
  }
  const oldest = bases[gone.length];
  const segments = await removeSegments(ports, oldest);
  if (oldest !== undefined) await dropPointsBefore(ports.stateDir, oldest.endMs);
  if (gone.length + segments > 0) {
    ports.log.info({ bases: gone.length, segments }, "WAL archive trimmed");
  }
  return { bases: gone.map((base) => base.path), segments };
}

async function removeSegments(
  { stateDir, clock }: Pick<DataPorts, "stateDir" | "clock">,
  oldest: BaseFound | undefined,
): Promise<number> {
  const archive = join(walFolder(stateDir), "archive");
  let removed = 0;
  for (const file of await readdir(archive).catch(() => [])) {
    const segment = segmentName(file);
    if (segment === null) continue;
    const path = join(archive, file);
    if (!(await isUseless(path, segment, oldest, clock.now()))) continue;
    await rm(path, { force: true });
    removed += 1;
  }
  return removed;
}

async function isUseless(
  path: string,
  segment: string,
  oldest: BaseFound | undefined,
  nowMs: number,
): Promise<boolean> {
  if (oldest === undefined) {
    const file = await stat(path).catch(() => null);
    return file !== null && nowMs - file.mtimeMs > WITHOUT_BASE_MS;
  }
  const { startLsn, timeline, segmentBytes } = oldest.manifest;
  const first = segmentOf(startLsn, timeline, segmentBytes);
  // Timelines are numbered upwards: what is older than the base's is older than the base.
  return segment < first;
}
