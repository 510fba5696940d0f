import { statfs } from "node:fs/promises";
import { FiberError } from "#contracts";
import { formatBytes } from "../progress.js";
import { DISK_REMEDY } from "../run-tool.js";

/** A dump's size over its database's, before there is a backup to learn it from. */
const FIRST_RATIO = 0.35;
/** Room for growth between two backups, and for what else writes meanwhile. */
const MARGIN = 1.25;
const RESERVE_BYTES = 32e6;

/**
 * How many bytes the next dump may take.
 *
 * @param last sizes of the newest backup of this database, null for none
 */
export function estimateDumpBytes(
  databaseBytes: number,
  last: { readonly dumpBytes: number; readonly databaseBytes: number } | null,
): number {
  const known = last !== null && last.databaseBytes > 0;
  const ratio = known ? last.dumpBytes / last.databaseBytes : FIRST_RATIO;
  return Math.ceil(databaseBytes * ratio * MARGIN);
}

/**
 * @param what what needs the room: "The dump"
 * @throws FiberError DISK_SHORT when `needed` bytes and a reserve do not fit on the folder's disk
 */
export async function refuseShortDisk(folder: string, needed: number, what: string): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  if (free >= needed + RESERVE_BYTES) return;
  throw new FiberError(
    "DISK_SHORT",
    `${what} needs about ${formatBytes(needed)} in ${folder}, and ${formatBytes(free)} are free ` +
      `(${formatBytes(RESERVE_BYTES)} stay in reserve). ${DISK_REMEDY}`,
  );
}
