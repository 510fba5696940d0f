import { setTimeout as sleep } from "node:timers/promises";
import { FiberError } from "#contracts";
import { openSession, quoteName, quoteText, type Session } from "./session.js";

/** Which databases change names. */
export interface SwapOptions {
  /** Connection string of a superuser on the database `postgres`. */
  readonly admin: string;
  /** The name that readers and writers use. */
  readonly live: string;
  readonly liveOid: number;
  /** The database that takes the name. */
  readonly restored: string;
  readonly restoredOid: number;
  /** The name that the old database gets. */
  readonly quarantine: string;
  /** Comment of the old database under its new name. */
  readonly quarantineComment: string;
  /** A session in the old database that holds writers back: the last to be ended. */
  readonly holder: Session | null;
}

/** What the swap did. */
export interface SwapResult {
  /** Sessions of the old and the restored database that were ended. */
  readonly ended: number;
  /** From the first ended session to the commit, in ms. */
  readonly outageMs: number;
}

const ATTEMPTS = 4;
const OBJECT_IN_USE = "55006";
const LOCK_NOT_AVAILABLE = "55P03";

/**
 * Renames both databases in one transaction. Session A takes the old database's lock, which holds
 * newcomers; session B then ends the sessions that are left, since a rename needs the database
 * empty. A kill at any instant leaves either the old names or the new, both open to connections:
 * no flag is set.
 *
 * @throws FiberError SWAP_BLOCKED when sessions keep the database busy; nothing has changed then
 */
export async function swapDatabases(options: SwapOptions): Promise<SwapResult> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await trySwap(options);
    } catch (err) {
      const code = (err as { code?: unknown }).code;
      if (code !== OBJECT_IN_USE && code !== LOCK_NOT_AVAILABLE) throw err;
      // Once the holder is gone, what was carried over is no longer all there is.
      if (attempt < ATTEMPTS && options.holder?.isOpen() !== false) continue;
      const { message, detail } = err as { message: string; detail?: string };
      throw new FiberError(
        "SWAP_BLOCKED",
        `Database ${options.live} could not be renamed: ${message}${detail ? ` (${detail})` : ""}. ` +
          "Nothing was changed. End what holds it, then: fiber restore --resume",
        { cause: err },
      );
    }
  }
}

async function trySwap(options: SwapOptions): Promise<SwapResult> {
  const a = await openSession(options.admin, "fiber restore: swap");
  const b = await openSession(options.admin, "fiber restore: end sessions");
  try {
    await a.query("BEGIN; SET LOCAL lock_timeout = '5s'; SET LOCAL synchronous_commit = on");
    let renamed = false;
    const rename = a
      .query(`ALTER DATABASE ${quoteName(options.live)} RENAME TO ${quoteName(options.quarantine)}`)
      .finally(() => {
        renamed = true;
      });
    const [, ended] = await Promise.all([rename, endSessions(b, a.pid, options, () => renamed)]);
    await a.query(
      `ALTER DATABASE ${quoteName(options.restored)} RENAME TO ${quoteName(options.live)}`,
    );
    await a.query(
      `COMMENT ON DATABASE ${quoteName(options.quarantine)} IS ${quoteText(options.quarantineComment)}`,
    );
    await a.query(`COMMENT ON DATABASE ${quoteName(options.live)} IS NULL`);
    await a.query("COMMIT");
    return {
      ended: ended.count,
      outageMs: ended.sinceMs === null ? 0 : Math.round(performance.now() - ended.sinceMs),
    };
  } finally {
    await Promise.all([a.close(), b.close()]);
  }
}

/** Waits for A's lock, then ends all sessions of both databases, the holder's last. */
async function endSessions(
  b: Session,
  lockerPid: number,
  options: SwapOptions,
  over: () => boolean,
): Promise<{ readonly count: number; readonly sinceMs: number | null }> {
  const oids = [options.liveOid, options.restoredOid];
  const holderPid = options.holder?.pid ?? 0;
  let count = 0;
  let sinceMs: number | null = null;
  while (!over() && !(await isLocked(b, lockerPid, options.liveOid))) await sleep(2);
  while (!over()) {
    sinceMs ??= performance.now();
    const { rows } = await b.query<{ pid: number }>(
      `SELECT pid, pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datid = ANY ($1::oid[]) AND pid <> $2`,
      [oids, holderPid],
    );
    count += rows.length;
    if (rows.length === 0) await options.holder?.close();
    await sleep(5);
  }
  return { count, sinceMs };
}

async function isLocked(b: Session, pid: number, oid: number): Promise<boolean> {
  const { rows } = await b.query<{ locked: boolean }>(
    `SELECT EXISTS (SELECT FROM pg_locks WHERE pid = $1 AND granted AND locktype = 'object'
        AND classid = 'pg_database'::regclass AND objid = $2::oid
        AND mode = 'AccessExclusiveLock') AS locked`,
    [pid, oid],
  );
  return rows[0]?.locked ?? false;
}
