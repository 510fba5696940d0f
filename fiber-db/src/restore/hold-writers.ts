import { quoteName, type Session } from "./session.js";
import { readTableShapes } from "./table-shapes.js";

/** A session that was ended because it kept a lock that a restore needs. */
export interface EndedSession {
  readonly pid: number;
  readonly name: string;
  readonly user: string;
  readonly since: string;
}

const WAIT_MS = 1_000;
const ATTEMPTS = 5;
const LOCK_NOT_AVAILABLE = "55P03";
const DEADLOCK = "40P01";

/**
 * Begins a REPEATABLE READ transaction in which nobody else can write to tables whose rows are
 * carried over, while readers go on. A writer that does not end within a second is ended: its
 * transaction was not acknowledged, and the swap would end it anyway.
 *
 * @param control a session on another database, to end others from
 */
export async function holdWriters(
  session: Session,
  control: Session,
): Promise<readonly EndedSession[]> {
  const shapes = [...(await readTableShapes(session)).values()];
  const tables = shapes
    .filter((shape) => shape.class === "append" || shape.class === "state")
    .map((shape) => quoteName(shape.name));
  const ended: EndedSession[] = [];
  for (let attempt = 1; ; attempt++) {
    await session.query("BEGIN ISOLATION LEVEL REPEATABLE READ");
    try {
      await session.query(`SET LOCAL lock_timeout = '${WAIT_MS}ms'`);
      if (tables.length > 0) await session.query(`LOCK TABLE ${tables.join(", ")} IN SHARE MODE`);
      await session.query("SET LOCAL lock_timeout = 0");
      // SET and LOCK take no snapshot: what follows sees every write that was committed until now.
      return ended;
    } catch (err) {
      const { code } = err as { code?: string };
      await session.query("ROLLBACK");
      if ((code !== LOCK_NOT_AVAILABLE && code !== DEADLOCK) || attempt === ATTEMPTS) throw err;
      ended.push(...(await endWriters(session, control)));
    }
  }
}

async function endWriters(session: Session, control: Session): Promise<readonly EndedSession[]> {
  const { rows: here } = await session.query<{ oid: string }>(
    "SELECT oid::text FROM pg_database WHERE datname = current_database()",
  );
  const { rows } = await control.query<EndedSession>(
    `SELECT a.pid, a.application_name AS name, a.usename AS user, a.xact_start::text AS since,
            pg_terminate_backend(a.pid)
       FROM pg_stat_activity a
      WHERE a.datid = $1::oid AND a.pid <> $2 AND EXISTS (
        SELECT FROM pg_locks l WHERE l.pid = a.pid AND l.granted AND l.locktype = 'relation'
           AND l.database = $1::oid AND l.mode IN ('RowExclusiveLock', 'ShareUpdateExclusiveLock',
             'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock'))`,
    [here[0]?.oid ?? "0", session.pid],
  );
  return rows.map(({ pid, name, user, since }) => ({ pid, name, user, since }));
}
