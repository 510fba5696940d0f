import type { Db } from "../pool.js";
import { BUCKET_MS, RETENTION_DAYS } from "./buckets.js";

/**
 * Deletes hourly rollups older than 90 days and daily ones older than 365.
 *
 * @returns how many rows went
 */
export async function dropExpiredRollups(db: Db, nowMs: number): Promise<number> {
  let dropped = 0;
  for (const width of ["hourly", "daily"] as const) {
    const cutoff = new Date(nowMs - RETENTION_DAYS[width] * BUCKET_MS.daily);
    const { rowCount } = await db.query(`DELETE FROM rollup_${width} WHERE bucket < $1`, [cutoff]);
    dropped += rowCount ?? 0;
  }
  return dropped;
}
