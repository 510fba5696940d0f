import { link, readFile, rename, rm, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { FiberError } from "#contracts";
import { unfinishedName } from "../durable-files.js";

const holderSchema = z.object({
  host: z.string(),
  /** Changes when the machine starts anew. */
  bootId: z.string(),
  pid: z.number().int(),
  /** In clock ticks since the machine started, so that a pid given out again is not the holder. */
  startTime: z.string(),
  what: z.string(),
  since: z.string(),
});

/** Who holds the lock, for what, since when. */
type LockHolder = z.infer<typeof holderSchema>;

/** The installation's lock, held until `release`. */
export interface FileLock {
  release(): Promise<void>;
}

/**
 * Takes `<state>/run.lock`, which every run that changes data or releases holds. A holder on this
 * host whose process is gone is taken over; another host's only with `takeOver`, whose reason is
 * logged by the caller.
 *
 * @throws FiberError LOCKED naming holder, since when and for what
 */
export async function takeFileLock(options: {
  readonly stateDir: string;
  readonly what: string;
  readonly takeOver?: boolean;
}): Promise<FileLock> {
  const path = join(options.stateDir, "run.lock");
  const mine: LockHolder = {
    host: hostname(),
    bootId: await readBootId(),
    pid: process.pid,
    startTime: (await readStartTime(process.pid)) ?? "",
    what: options.what,
    since: new Date().toISOString(),
  };
  for (let attempt = 1; attempt <= 3; attempt++) {
    if (await tryCreate(path, mine)) return { release: () => releaseOwn(path, mine) };
    const holder = await readHolder(path);
    if (holder === null) continue;
    if ((await isHeld(holder)) && options.takeOver !== true) throw lockedBy(holder, path);
    // Moved away first, so that of two that take over only one removes it.
    const moved = unfinishedName(path);
    await rename(path, moved).catch(() => {});
    await rm(moved, { force: true });
  }
  throw new FiberError("LOCKED", `${path} keeps being taken by others. Try again.`);
}

async function tryCreate(path: string, mine: LockHolder): Promise<boolean> {
  const unfinished = unfinishedName(path);
  try {
    await writeFile(unfinished, JSON.stringify(mine), { mode: 0o600, flush: true });
    await link(unfinished, path);
    return true;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw cause;
  } finally {
    await rm(unfinished, { force: true });
  }
}

async function readHolder(path: string): Promise<LockHolder | null> {
  const text = await readFile(path, "utf8").catch(() => null);
  if (text === null) return null;
  const parsed = holderSchema.safeParse(JSON.parse(text));
  if (parsed.success) return parsed.data;
  throw new FiberError("LOCKED", `${path} is not a lock of ours. Remove it if nothing runs.`);
}

async function isHeld(holder: LockHolder): Promise<boolean> {
  if (holder.host !== hostname()) return true;
  if (holder.bootId !== (await readBootId())) return false;
  return (await readStartTime(holder.pid)) === holder.startTime;
}

async function releaseOwn(path: string, mine: LockHolder): Promise<void> {
  const holder = await readHolder(path).catch(() => null);
  if (holder?.pid === mine.pid && holder.since === mine.since) await rm(path, { force: true });
}

async function readBootId(): Promise<string> {
  return (await readFile("/proc/sys/kernel/random/boot_id", "utf8").catch(() => "")).trim();
}

/** When a process started, null when there is none. */
async function readStartTime(pid: number): Promise<string | null> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => null);
  // The name, in brackets, may hold anything: fields are counted from behind it.
  return stat === null ? null : (stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? null);
}

function lockedBy(holder: LockHolder, path: string): FiberError {
  return new FiberError(
    "LOCKED",
    `"${holder.what}" runs since ${holder.since} as process ${holder.pid} on ${holder.host}. Wait ` +
      `for it, or end it and try again${holder.host === hostname() ? "" : `; if that host is gone, remove ${path}`}.`,
  );
}
