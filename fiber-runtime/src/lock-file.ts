import { linkSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { z } from "zod";
import { identifyProcess, isAlive } from "./process-identity.js";

const holderSchema = z.object({
  pid: z.number().int(),
  startTime: z.string().nullable(),
  bootId: z.string(),
  host: z.string(),
  pidNamespace: z.string().nullish(),
  since: z.string(),
  what: z.string(),
  journal: z.string().nullish(),
});

/** Who holds a lock: the process, since when (ISO 8601), for what, and the journal it writes. */
export type LockHolder = Readonly<z.output<typeof holderSchema>>;

/** A lock file as it is now; "unknown" when its process runs where we cannot look. */
export interface FoundLock {
  readonly holder: LockHolder;
  readonly alive: "yes" | "no" | "unknown";
}

/** The outcome of trying for a lock. */
export type LockOutcome =
  | {
      readonly kind: "held";
      /** Whose lock was taken over; null when it was free. */
      readonly replaced: LockHolder | null;
      /** Whether the file still says so: another host may have been told to take over. */
      isStillMine(): boolean;
      release(): void;
    }
  | ({ readonly kind: "taken" } & FoundLock);

/** How to try for a lock. */
export interface LockOptions {
  /** Told to others: what the lock is held for. */
  readonly what: string;
  /** The journal that tells how far the holder is. */
  readonly journal?: string;
  /** Whether a holder on another machine or in another container counts as gone; false by default. */
  readonly takeOverUnknown?: boolean;
}

/** Taking over is a few file operations: an older mark was left by a killed process. */
const TAKE_OVER_MS = 10_000;

/**
 * Tries for a lock file without waiting. The lock of a process that is gone (killed, or from
 * before a reboot) is taken over.
 */
export function tryLock(path: string, options: LockOptions): LockOutcome {
  const mine = `${path}.${process.pid}`;
  const content: LockHolder = {
    ...identifyProcess(process.pid),
    since: new Date().toISOString(),
    what: options.what,
    journal: options.journal ?? null,
  };
  let replaced: LockHolder | null = null;
  try {
    writeFileSync(mine, `${JSON.stringify(content)}\n`, { mode: 0o644, flush: true });
    for (;;) {
      // A link appears whole or not at all, so nobody ever reads half a lock.
      if (placed(mine, path)) return held(path, { content, replaced });
      const found = readText(path);
      if (found === null) continue;
      const holder = parseHolder(found);
      if (holder !== null) {
        const alive = isAlive(holder);
        const respected = alive === "yes" || (alive === "unknown" && !options.takeOverUnknown);
        if (respected) return { kind: "taken", holder, alive };
      }
      if (removeStale(path, found)) replaced = holder;
      else pauseMs(20); // somebody else is about to remove it
    }
  } finally {
    rmSync(mine, { force: true });
  }
}

/** A lock file and whether its holder lives; null when there is none, or a damaged one. */
export function readLock(path: string): FoundLock | null {
  const text = readText(path);
  const holder = text === null ? null : parseHolder(text);
  return holder === null ? null : { holder, alive: isAlive(holder) };
}

/** Who holds a lock now, or null when nobody alive on this machine does. */
export function lockHolder(path: string): LockHolder | null {
  const found = readLock(path);
  return found?.alive === "yes" ? found.holder : null;
}

function held(
  path: string,
  { content, replaced }: { readonly content: LockHolder; readonly replaced: LockHolder | null },
): LockOutcome {
  const isStillMine = () => {
    const text = readText(path);
    const holder = text === null ? null : parseHolder(text);
    return (
      holder?.pid === content.pid &&
      holder.startTime === content.startTime &&
      holder.bootId === content.bootId
    );
  };
  return {
    kind: "held",
    replaced,
    isStillMine,
    release() {
      if (isStillMine()) rmSync(path);
    },
  };
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
function removeStale(path: string, stale: string): boolean {
  const mark = `${path}.take-over`;
  try {
    writeFileSync(mark, "", { flag: "wx" });
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code !== "EEXIST") throw err;
    const madeAt = statSync(mark, { throwIfNoEntry: false })?.mtimeMs ?? Date.now();
    if (Math.abs(Date.now() - madeAt) > TAKE_OVER_MS) rmSync(mark, { force: true });
    return false;
  }
  try {
    if (readText(path) !== stale) return false;
    rmSync(path, { force: true });
    return true;
  } finally {
    rmSync(mark, { force: true });
  }
}

function pauseMs(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
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
