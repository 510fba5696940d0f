import { FiberError } from "#contracts";
import { type Db, readArchiveStatus, switchWal, type WalPosition } from "#db";
import type { Clock } from "#runtime";
import { archivedSegments } from "./wal-folder.js";

const POLL_MS = 50;

/**
 * Closes the segment that is being written and waits until it lies in the archive.
 *
 * @throws FiberError ARCHIVE_STUCK when it does not arrive in time, with the archiver's failures
 */
export async function switchAndAwaitArchive(
  db: Db,
  options: { readonly archive: string; readonly clock: Clock; readonly timeoutMs: number },
): Promise<WalPosition> {
  const closed = await switchWal(db);
  const deadlineMs = options.clock.now() + options.timeoutMs;
  for (;;) {
    if ((await archivedSegments(options.archive)).includes(closed.segment)) return closed;
    if (options.clock.now() > deadlineMs) throw await stuck(db, closed, options);
    await options.clock.sleep(POLL_MS);
  }
}

async function stuck(
  db: Db,
  closed: WalPosition,
  { archive, timeoutMs }: { readonly archive: string; readonly timeoutMs: number },
): Promise<FiberError> {
  const status = await readArchiveStatus(db);
  const why = !status.on
    ? "the server archives nothing (archive_mode is off)"
    : status.lastFailed === null
      ? `the server's archive_command (${status.command}) puts its files elsewhere, or is slow`
      : `archiving ${status.lastFailed} failed, ${status.failures} failures so far; the server's log says why`;
  return new FiberError(
    "ARCHIVE_STUCK",
    `WAL segment ${closed.segment} did not arrive in ${archive} within ${timeoutMs / 1_000} s: ${why}. ` +
      `${status.waiting} segments wait. Mend archiving, or point FIBER_WAL_ARCHIVE at the folder.`,
  );
}
