import { copyFileSync, existsSync, openSync, renameSync, statSync, truncateSync } from "node:fs";
import { join } from "node:path";

/** A log is rotated at this size; this many older ones are kept. */
const MAX_BYTES = 10 * 1024 * 1024;
const KEPT = 3;

/** The log file of a role. */
export function logPath(folder: string, role: string): string {
  return join(folder, `${role}.log`);
}

/** Opens a role's log for appending and returns the file descriptor. */
export function openLog(folder: string, role: string): number {
  return openSync(logPath(folder, role), "a", 0o640);
}

/**
 * Rotates a log that has grown beyond its size: copied to `.1` and cut, `.1` to `.2`, and so on.
 * The roles write to the file themselves (so that their last words survive a killed supervisor),
 * hence the copy: a line written between copying and cutting, some microseconds, is lost.
 */
export function rotateLog(folder: string, role: string, maxBytes = MAX_BYTES): boolean {
  const path = logPath(folder, role);
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (size <= maxBytes) return false;
  for (let n = KEPT - 1; n >= 1; n--) {
    if (existsSync(`${path}.${n}`)) renameSync(`${path}.${n}`, `${path}.${n + 1}`);
  }
  copyFileSync(path, `${path}.1`);
  truncateSync(path, 0);
  return true;
}
