import type { CheckType } from "#contracts";
import type { Db } from "../pool.js";
import {
  SAMPLE_COLUMNS,
  type SampleRow,
  type StoredSample,
  toStoredSample,
} from "./sample-rows.js";

/** Where a page ended: the next one begins below it. */
export interface SamplePosition {
  readonly timeMs: number;
  readonly seriesId: number;
}

/** Which samples to list. Times in epoch ms: `startMs` inclusive, `endMs` exclusive. */
export interface SampleFilter {
  readonly nodeId: string | null;
  /** "" for the node's own summary, null for any. */
  readonly target: string | null;
  readonly check: CheckType | "" | null;
  readonly startMs: number;
  readonly endMs: number;
  readonly below: SamplePosition | null;
  readonly limit: number;
}

/** A page of samples, newest first; ties in time are ordered by series. */
export async function listSamples(db: Db, filter: SampleFilter): Promise<readonly StoredSample[]> {
  const { rows } = await db.query<SampleRow>(
    `SELECT s.node_id, s.target, s.check_type, s.series_id, l.*
     FROM series s
     JOIN nodes n ON n.node_id = s.node_id AND n.deleted_at IS NULL
     CROSS JOIN LATERAL (
       SELECT ${SAMPLE_COLUMNS} FROM samples x
       WHERE x.series_id = s.series_id AND x.time >= $4 AND x.time < $5
         AND ($6::timestamptz IS NULL OR x.time < $6 OR (x.time = $6 AND s.series_id < $7))
       ORDER BY x.time DESC LIMIT $8
     ) l
     WHERE ($1::text IS NULL OR s.node_id = $1)
       AND ($2::text IS NULL OR s.target = $2)
       AND ($3::text IS NULL OR s.check_type = $3)
     ORDER BY l.time_ms DESC, s.series_id DESC
     LIMIT $8`,
    [
      filter.nodeId,
      filter.target,
      filter.check,
      new Date(filter.startMs),
      // Nothing lies below the cursor's own time but what is older: the bound prunes partitions.
      new Date(Math.min(filter.endMs, filter.below === null ? Infinity : filter.below.timeMs + 1)),
      filter.below === null ? null : new Date(filter.below.timeMs),
      filter.below?.seriesId ?? null,
      filter.limit,
    ],
  );
  return rows.map(toStoredSample);
}
