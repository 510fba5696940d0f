import type { Db } from "../pool.js";
import { FENCE_CHANNEL } from "./raise-fence.js";

/**
 * Lifts the ingest fence.
 *
 * @param raisedBy lift only a fence of this origin; null lifts any
 * @returns whether one was lifted
 */
export async function liftFence(db: Db, raisedBy: string | null = null): Promise<boolean> {
  const { rows } = await db.query<{ lifted: number }>(
    `WITH lifted AS (
       DELETE FROM ingest_fence WHERE $1::text IS NULL OR raised_by = $1 RETURNING expires_at
     ), told AS (
       SELECT pg_notify($2, 'lifted') FROM lifted
     )
     SELECT (SELECT count(*) FROM told)::int AS told,
            (SELECT count(*) FROM lifted WHERE expires_at > clock_timestamp())::int AS lifted`,
    [raisedBy, FENCE_CHANNEL],
  );
  return (rows[0]?.lifted ?? 0) > 0;
}
