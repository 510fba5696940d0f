import type { Db } from "../pool.js";

/**
 * Forgets which messages of a stream were applied, because the log gave their numbers to others:
 * what it holds is then replayed from its beginning.
 */
export async function forgetApplied(db: Db, stream: string): Promise<void> {
  await db.query("DELETE FROM ingest_applied WHERE stream = $1", [stream]);
}
