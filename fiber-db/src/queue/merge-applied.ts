import type { Db } from "../pool.js";
import { MERGED_RUNS } from "./read-applied.js";

/**
 * Merges what writers noted about a stream into as few rows as it takes, and forgets streams that
 * ended two days ago. Leaves everything alone while ingest is fenced. Notes that are being written
 * at this moment stay as they are.
 */
export async function mergeApplied(db: Db, stream: string): Promise<void> {
  await db.query(
    `WITH taken AS (
       DELETE FROM ingest_applied
        WHERE stream = $1
          AND NOT EXISTS (SELECT FROM ingest_fence WHERE expires_at > clock_timestamp())
       RETURNING first_seq, last_seq, last_at
     )
     INSERT INTO ingest_applied (first_seq, last_seq, last_at, stream)
     SELECT *, $1 FROM (${MERGED_RUNS}) AS merged`,
    [stream],
  );
  await db.query(
    `DELETE FROM ingest_applied
      WHERE stream <> $1 AND last_at < now() - interval '2 days'
        AND NOT EXISTS (SELECT FROM ingest_fence WHERE expires_at > clock_timestamp())`,
    [stream],
  );
}
