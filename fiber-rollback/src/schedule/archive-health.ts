import { type ArchiveStatus, type Db, readArchiveStatus } from "#db";

/** How the WAL archive is doing. */
export interface ArchiveHealth {
  readonly light: "green" | "amber" | "red" | "off";
  readonly reason: string | null;
  /** Seconds since a segment was archived, null when none was yet. */
  readonly ageS: number | null;
  readonly failures: number;
  /** Segments that wait to be archived and fill the server's disk meanwhile. */
  readonly waiting: number;
}

/** More waiting segments than this (16 MB each by default) are no longer a matter of seconds. */
const WAITING_AMBER = 8;
const WAITING_RED = 64;

/** Asks the server. */
export async function archiveHealth(db: Db): Promise<ArchiveHealth> {
  return judgeArchive(await readArchiveStatus(db));
}

/** Judges what the server said; pure. */
export function judgeArchive(status: ArchiveStatus): ArchiveHealth {
  const ageS =
    status.lastArchivedMs === null
      ? null
      : Math.max(0, Math.round((status.nowMs - status.lastArchivedMs) / 1_000));
  const facts = { ageS, failures: status.failures, waiting: status.waiting };
  if (!status.on) {
    const reason = "The server archives no WAL: it goes back to its dumps only (docs/backup.md).";
    return { light: "off", reason, ...facts };
  }
  const failing =
    status.lastFailedMs !== null && status.lastFailedMs > (status.lastArchivedMs ?? 0);
  if (status.waiting >= WAITING_RED) {
    return {
      light: "red",
      reason: `${status.waiting} WAL segments wait to be archived and fill the disk. ${remedy(status)}`,
      ...facts,
    };
  }
  if (failing) {
    return {
      light: "amber",
      reason: `Archiving ${status.lastFailed} fails. ${remedy(status)}`,
      ...facts,
    };
  }
  if (status.waiting >= WAITING_AMBER) {
    return {
      light: "amber",
      reason: `${status.waiting} WAL segments wait to be archived. ${remedy(status)}`,
      ...facts,
    };
  }
  return { light: "green", reason: null, ...facts };
}

function remedy(status: ArchiveStatus): string {
  return `The server's log says why (archive_command: ${status.command}).`;
}
