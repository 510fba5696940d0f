import type { MigrationSession } from "./session.js";

const LOOK_EVERY_MS = 100;

/**
 * Looks, while a step runs, at who keeps it from its locks. `stop` ends the watch and tells the
 * last answer in words: afterwards the sessions in question may be gone.
 */
export async function watchBlockers(
  session: MigrationSession,
): Promise<{ stop(): Promise<string> }> {
  const { rows } = await session.db.query<{ pid: number }>("SELECT pg_backend_pid() AS pid");
  const pid = rows[0]?.pid ?? 0;
  let seen = "a session that is gone by now";
  let looking: Promise<void> | null = null;
  const look = async () => {
    seen = (await blockersOf(session, pid)) ?? seen;
  };
  const timer = setInterval(() => {
    // A broken lock connection is reported by assertLocked.
    looking ??= look()
      .catch(() => {})
      .finally(() => {
        looking = null;
      });
  }, LOOK_EVERY_MS);
  return {
    async stop() {
      clearInterval(timer);
      await looking;
      return seen;
    },
  };
}

async function blockersOf(session: MigrationSession, pid: number): Promise<string | null> {
  const { rows } = await session.control.query<{
    pid: number;
    application: string;
    state: string;
    since: Date | null;
    query: string;
  }>(
    `SELECT pid, application_name AS application, state, xact_start AS since,
            left(regexp_replace(query, '\\s+', ' ', 'g'), 120) AS query
     FROM pg_stat_activity WHERE pid = ANY (pg_blocking_pids($1)) ORDER BY xact_start`,
    [pid],
  );
  if (rows.length === 0) return null;
  return rows
    .map(
      (row) =>
        `session ${row.pid} (${row.application || "no application name"}, ${row.state}` +
        `${row.since ? `, in a transaction since ${row.since.toISOString()}` : ""}), query: ${row.query}`,
    )
    .join("; ");
}
