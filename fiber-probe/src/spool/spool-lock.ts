import { randomBytes } from "node:crypto";
import {
  linkSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { FiberError } from "#contracts";

/** Ownership of a spool folder. */
export interface SpoolLock {
  release(): void;
}

interface Owner {
  readonly pid: number;
  /** Start of the process in clock ticks since boot, so that a reused pid is no owner. */
  readonly started: string;
  /** Host and process namespace: only there does the pid mean anything. */
  readonly where: string;
}

/** The owner touches its lock this often; from elsewhere a lock untouched for longer is stale. */
const TOUCH_MS = 10_000;
const FOREIGN_STALE_MS = 60_000;

/**
 * Takes the folder for this process. The lock of a process that is gone (kill -9, reboot) is taken
 * over; one held in another container or on another host counts as long as it is touched.
 *
 * @throws FiberError SPOOL_LOCKED naming the holder
 */
export function lockSpool(folder: string): SpoolLock {
  const path = join(folder, "lock");
  const mine = JSON.stringify(thisProcess());
  for (let attempt = 0; attempt < 5; attempt++) {
    if (writeNew(path, mine)) return hold(path, mine);
    const theirs = readOrNull(path);
    if (theirs === null) continue;
    const owner = parseOwner(theirs);
    if (owner !== null && isAlive(owner, path)) throw locked(folder, owner);
    setAside(path, theirs);
  }
  throw locked(folder, null);
}

function locked(folder: string, owner: Owner | null): FiberError {
  const holder = owner === null ? "another process" : `process ${owner.pid}`;
  return new FiberError(
    "SPOOL_LOCKED",
    `The spool ${folder} is in use by ${holder}. Stop that probe, or give this one a spool.path of its own.`,
  );
}

function hold(path: string, mine: string): SpoolLock {
  const touch = setInterval(() => {
    try {
      const now = new Date();
      utimesSync(path, now, now);
    } catch {
      // The folder was taken away; the spool's next write reports it.
    }
  }, TOUCH_MS);
  touch.unref();
  return {
    release() {
      clearInterval(touch);
      if (readOrNull(path) === mine) rmSync(path, { force: true });
    },
  };
}

function writeNew(path: string, content: string): boolean {
  try {
    writeFileSync(path, content, { flag: "wx", mode: 0o600 });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

/** Removes exactly the stale lock that was read: of two that try, one moves the other's new lock. */
function setAside(path: string, stale: string): void {
  const aside = `${path}.${process.pid}.${randomBytes(4).toString("hex")}`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw error;
  }
  try {
    if (readOrNull(aside) !== stale) linkSync(aside, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  } finally {
    rmSync(aside, { force: true });
  }
}

function readOrNull(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}

function parseOwner(text: string): Owner | null {
  try {
    const owner = JSON.parse(text) as Partial<Owner> | null;
    const whole =
      typeof owner?.pid === "number" &&
      typeof owner.started === "string" &&
      typeof owner.where === "string";
    return whole ? (owner as Owner) : null;
  } catch {
    // Torn by a crash while it was written: nobody's.
    return null;
  }
}

function isAlive(owner: Owner, path: string): boolean {
  if (owner.where === thisProcess().where) {
    return owner.started !== "" && startOf(owner.pid) === owner.started;
  }
  const touched = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  return Date.now() - touched < FOREIGN_STALE_MS;
}

function thisProcess(): Owner {
  let namespace = "";
  try {
    namespace = readlinkSync("/proc/self/ns/pid");
  } catch {
    // No /proc: the host's name must do.
  }
  const where = `${hostname()} ${namespace}`;
  return { pid: process.pid, started: startOf(process.pid), where };
}

/** Field 22 of /proc/<pid>/stat, "" for a process that is gone. */
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
  } catch {
    return "";
  }
}
