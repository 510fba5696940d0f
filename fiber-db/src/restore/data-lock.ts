import { setTimeout as sleep } from "node:timers/promises";
import { FiberError } from "#contracts";
import { DATA_LOCK_CLASS } from "../migrate/session.js";
import { openSession, type Session } from "./session.js";

/** The right to change one database's schema or data as a whole. */
export interface DataLock {
  /**
   * Takes the lock again when its connection broke (a server that restarted).
   *
   * @throws FiberError LOCKED when somebody else has it now
   */
  assertHeld(): Promise<void>;
  release(): Promise<void>;
}

/**
 * Takes the lock that migrations of the database take too. It lies in the database `postgres`: in
 * the database itself it would be in the way of renaming it.
 *
 * @param admin connection string on the database `postgres`
 * @throws FiberError LOCKED naming the holder
 */
export async function takeDataLock(admin: string, database: string): Promise<DataLock> {
  let session = await takeOnce(admin, database);
  return {
    async assertHeld() {
      if (session.isOpen()) {
        const alive = await session.query("SELECT 1").then(
          () => true,
          () => false,
        );
        if (alive) return;
      }
      await session.close();
      session = await takeOnce(admin, database);
    },
    release: () => session.close(),
  };
}

/** A killed holder's session lives on for a moment. */
const WAIT_MS = 3_000;

async function takeOnce(admin: string, database: string): Promise<Session> {
  const session = await openSession(admin, "fiber restore: lock");
  const deadline = Date.now() + WAIT_MS;
  do {
    const { rows } = await session.query<{ taken: boolean }>(
      "SELECT pg_try_advisory_lock($1, hashtext($2)) AS taken",
      [DATA_LOCK_CLASS, database],
    );
    if (rows[0]?.taken) return session;
    await sleep(100);
  } while (Date.now() < deadline);
  const holders = await session.query<{ pid: number; name: string; since: Date }>(
    `SELECT a.pid, a.application_name AS name, a.backend_start AS since
       FROM pg_locks l JOIN pg_stat_activity a USING (pid)
      WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2
        AND l.classid = $1::bigint::oid AND l.objid = hashtext($2)::bigint::bit(32)::bigint::oid`,
    [DATA_LOCK_CLASS, database],
  );
  await session.close();
  const holder = holders.rows[0];
  const who = holder
    ? `session ${holder.pid} (${holder.name || "no name"}, since ${holder.since.toISOString()})`
    : "a session that has just ended";
  throw new FiberError(
    "LOCKED",
    `Database ${database} is being changed by ${who}. Wait for it and try again.`,
  );
}
