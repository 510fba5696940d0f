import type { Db } from "../pool.js";
import { BUCKET_MS, type RollupWidth } from "./buckets.js";

/**
 * Marks the buckets that start in [fromMs, toMs) and were never computed.
 *
 * @returns how many were marked
 */
export async function markMissingRollups(
  db: Db,
  span: { readonly width: RollupWidth; readonly fromMs: number; readonly toMs: number },
): Promise<number> {
  const { width, fromMs, toMs } = span;
  if (fromMs >= toMs) return 0;
  const { rowCount } = await db.query(
    `INSERT INTO rollup_due (width, bucket)
     SELECT $1::text, bucket
       FROM (SELECT to_timestamp(ms / 1000) AS bucket
               FROM generate_series($2::float8::numeric, $3::float8::numeric, $4::numeric) AS ms) b
      WHERE NOT EXISTS (SELECT FROM rollup_${width} r WHERE r.bucket = b.bucket)
     ON CONFLICT DO NOTHING`,
    [width, fromMs, toMs - 1, BUCKET_MS[width]],
  );
  return rowCount ?? 0;
}
