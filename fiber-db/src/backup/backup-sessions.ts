import type { Db } from "../pool.js";

/** Server processes of the connected database's sessions with this application name. */
export async function sessionsNamed(db: Db, applicationName: string): Promise<readonly number[]> {
  const { rows } = await db.query<{ pid: number }>(
    `SELECT pid FROM pg_stat_activity
      WHERE datname = current_database() AND application_name = $1 AND backend_type = 'client backend'`,
    [applicationName],
  );
  return rows.map((row) => row.pid);
}
