import { randomBytes } from "node:crypto";
import { open, rename, rm, stat, statfs } from "node:fs/promises";
import { join } from "node:path";
import { unfinishedName } from "../durable-files.js";

/** Enough for the journal and the report of any run. */
const RESERVE_BYTES = 16 * 1024 * 1024;

/** Errors that freed space can cure. */
const FULL = new Set(["ENOSPC", "EDQUOT"]);

/** Whether an error says that the disk, or the user's share of it, is full. */
export function isDiskFull(err: unknown): boolean {
  return FULL.has((err as { code?: string } | null)?.code ?? "");
}

/**
 * Makes `<state>/reserve.bin`, 16 MB that are freed when the disk is full, so that a run can still
 * write its journal. Resolves to false where there is no room: taking the last of it would cause
 * what the reserve is against.
 */
export async function makeReserve(stateDir: string): Promise<boolean> {
  const path = reservePath(stateDir);
  if ((await stat(path).catch(() => null))?.size === RESERVE_BYTES) return true;
  const { bavail, bsize } = await statfs(stateDir);
  if (bavail * bsize < 2 * RESERVE_BYTES) return false;
  const unfinished = unfinishedName(path);
  try {
    const file = await open(unfinished, "wx", 0o600);
    try {
      // Random, because file systems that compress would keep zeros for nothing.
      await file.writeFile(randomBytes(RESERVE_BYTES));
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(unfinished, path);
    return true;
  } catch (err) {
    await rm(unfinished, { force: true });
    if (isDiskFull(err)) return false;
    throw err;
  }
}

/** Frees the reserve; false when there is none. */
export async function freeReserve(stateDir: string): Promise<boolean> {
  const path = reservePath(stateDir);
  if ((await stat(path).catch(() => null)) === null) return false;
  await rm(path, { force: true });
  return true;
}

/** Does something on disk; when the disk is full, frees the reserve and does it once more. */
export async function withReserve<T>(stateDir: string, work: () => Promise<T> | T): Promise<T> {
  try {
    return await work();
  } catch (err) {
    if (!isDiskFull(err) || !(await freeReserve(stateDir))) throw err;
    return await work();
  }
}

function reservePath(stateDir: string): string {
  return join(stateDir, "reserve.bin");
}
