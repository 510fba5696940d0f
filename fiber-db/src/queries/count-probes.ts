import type { Db } from "../pool.js";

/** How many probes should report, and how many did within their staleness time. */
export interface ProbeCount {
  readonly expected: number;
  readonly reporting: number;
}

/** Counts the nodes that are not deleted; reporting ones have a sample younger than `staleAfterMs`. */
export async function countProbes(db: Db, region: string | null = null): Promise<ProbeCount> {
  // The staleness time is staleAfterMs() of the contracts: three intervals, at least 30 s.
  const { rows } = await db.query<{ expected: number; reporting: number }>(
    `SELECT count(*)::int AS expected,
            count(*) FILTER (WHERE EXISTS (
              SELECT 1 FROM series s CROSS JOIN LATERAL (
                SELECT 1 FROM samples x
                WHERE x.series_id = s.series_id AND x.time < now() + interval '10 minutes'
                  AND x.time >= now() - greatest(3 * n.interval_ms, 30000) * interval '1 ms'
                LIMIT 1) y
              WHERE s.node_id = n.node_id))::int AS reporting
     FROM nodes n WHERE n.deleted_at IS NULL AND ($1::text IS NULL OR n.region = $1)`,
    [region],
  );
  return rows[0] ?? { expected: 0, reporting: 0 };
}
