import { linkSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { z } from "zod";
import { identifyProcess, isSameProcess } from "./process-identity.js";

const holderSchema = z.object({
  pid: z.number().int(),
  startTime: z.string().nullable(),
  bootId: z.string(),
  host: z.string(),
  since: z.string(),
  what: z.string(),
});

/** Who holds a lock: the process, since when (ISO 8601) and for what. */
export type LockHolder = Readonly<z.infer<typeof holderSchema>>;

/** The outcome of trying for a lock. */
export type LockOutcome =
  | { readonly kind: "held"; release(): void }
  | { readonly kind: "taken"; readonly holder: LockHolder };

/** Taking over is a few file operations: an older mark was left by a killed process. */
const TAKE_OVER_MS = 10_000;

/**
 * Tries for a lock file without waiting. The lock of a process that is gone (killed, or from
 * before a reboot) is taken over. `what` tells others what the lock is held for.
 */
export function tryLock(path: string, what: string): LockOutcome {
  const mine = `${path}.${process.pid}`;
  const content: LockHolder = {
    ...identifyProcess(process.pid),
    since: new Date().toISOString(),
    what,
  };
  writeFileSync(mine, `${JSON.stringify(content)}\n`, { mode: 0o644 });
  try {
    for (;;) {
      // A link appears whole or not at all, so nobody ever reads half a lock.
      if (placed(mine, path)) return { kind: "held", release: () => releaseLock(path, content) };
      const found = readText(path);
      if (found === null) continue;
      const holder = parseHolder(found);
      if (holder !== null && isSameProcess(holder)) return { kind: "taken", holder };
      removeStale(path, found);
    }
  } finally {
    rmSync(mine, { force: true });
  }
}

/** Who holds a lock now, or null when nobody alive does. */
export function lockHolder(path: string): LockHolder | null {
  const text = readText(path);
  const holder = text === null ? null : parseHolder(text);
  return holder !== null && isSameProcess(holder) ? holder : null;
}

function releaseLock(path: string, mine: LockHolder): void {
  const text = readText(path);
  const holder = text === null ? null : parseHolder(text);
  if (holder?.pid === mine.pid && holder.startTime === mine.startTime) rmSync(path);
}

function placed(mine: string, path: string): boolean {
  try {
    linkSync(mine, path);
    return true;
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw err;
  }
}

/** Only one process at a time removes a dead holder's file: else it could remove a new holder's. */
function removeStale(path: string, stale: string): void {
  const mark = `${path}.take-over`;
  try {
    writeFileSync(mark, "", { flag: "wx" });
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code !== "EEXIST") throw err;
    const madeAt = statSync(mark, { throwIfNoEntry: false })?.mtimeMs ?? Date.now();
    if (Date.now() - madeAt > TAKE_OVER_MS) rmSync(mark, { force: true });
    return;
  }
  try {
    if (readText(path) === stale) rmSync(path, { force: true });
  } finally {
    rmSync(mark, { force: true });
  }
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw err;
  }
}

/** Null for a damaged file: links are placed whole, so nobody alive holds it. */
function parseHolder(text: string): LockHolder | null {
  try {
    return holderSchema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}
