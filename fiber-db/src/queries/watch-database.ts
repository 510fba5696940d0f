import type { DbPool } from "../pool.js";

/**
 * Calls `onReplaced` when a new connection of the pool finds another database under the same name
 * (its OID changed, as after a restore and swap). Returns the way to stop watching.
 */
export function watchDatabase(pool: DbPool, onReplaced: () => void): () => void {
  let known: string | null = null;
  const onConnect = (connection: { query: DbPool["query"] }) => {
    connection
      .query<{ oid: string }>(
        "SELECT oid::text FROM pg_database WHERE datname = current_database()",
      )
      .then(({ rows }) => {
        const oid = rows[0]?.oid ?? null;
        if (known !== null && oid !== known) onReplaced();
        known = oid;
      })
      // The connection's own user learns of its fault; the next connection asks again.
      .catch(() => undefined);
  };
  pool.on("connect", onConnect);
  return () => {
    pool.off("connect", onConnect);
  };
}
