import type { EndedSession } from "./hold-writers.js";
import type { Session } from "./session.js";

/**
 * Ends the sessions of a database that hold a lock on one of its tables in a mode that keeps
 * writers' locks out.
 *
 * @param control a session on another database
 */
export async function endLockHolders(
  control: Session,
  inside: Session,
  table: string,
): Promise<readonly EndedSession[]> {
  const { rows: found } = await inside.query<{ database: string; relation: string }>(
    `SELECT d.oid::text AS database, c.oid::text AS relation FROM pg_database d, pg_class c
      WHERE d.datname = current_database() AND c.oid = to_regclass($1)`,
    [table],
  );
  const { database = "0", relation = "0" } = found[0] ?? {};
  const { rows } = await control.query<EndedSession>(
    `SELECT a.pid, a.application_name AS name, a.usename AS user, a.xact_start::text AS since,
            pg_terminate_backend(a.pid)
       FROM pg_stat_activity a
      WHERE a.datid = $1::oid AND a.pid <> $2 AND EXISTS (
        SELECT FROM pg_locks l WHERE l.pid = a.pid AND l.granted AND l.locktype = 'relation'
           AND l.database = $1::oid AND l.relation = $3::oid AND l.mode <> 'AccessShareLock')`,
    [database, inside.pid, relation],
  );
  return rows.map(({ pid, name, user, since }) => ({ pid, name, user, since }));
}
