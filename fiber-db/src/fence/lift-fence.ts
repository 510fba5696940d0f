import type { Db } from "../pool.js";

/**
 * Lifts the ingest fence.
 *
 * @param raisedBy lift only a fence of this origin; null lifts any
 * @returns whether one stood; one that had ended by itself is removed and does not count
 */
export async function liftFence(db: Db, raisedBy: string | null = null): Promise<boolean> {
  const { rows } = await db.query<{ stood: boolean }>(
    `DELETE FROM ingest_fence WHERE $1::text IS NULL OR raised_by = $1
     RETURNING expires_at > clock_timestamp() AS stood`,
    [raisedBy],
  );
  return rows.some((row) => row.stood);
}
