import type { Db } from "../pool.js";

/** A run of messages whose samples are all in the database; both ends included. */
export interface AppliedRun {
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** When the log took `lastSeq`, epoch ms. */
  readonly lastAtMs: number;
}

/** `ingest_applied` of one stream with ranges that touch or overlap merged, in order. */
export const MERGED_RUNS = `
  SELECT min(first_seq) AS first_seq, max(last_seq) AS last_seq,
         (array_agg(last_at ORDER BY last_seq DESC))[1] AS last_at
    FROM (SELECT *, count(*) FILTER (WHERE begins) OVER (ORDER BY first_seq, last_seq) AS run
            FROM (SELECT first_seq, last_seq, last_at, first_seq > 1 + coalesce(
                    max(last_seq) OVER (ORDER BY first_seq, last_seq
                                        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING),
                    -1) AS begins
                    FROM taken) AS ranges) AS runs
   GROUP BY run`;

/** Which messages of a stream are applied, in order. */
export async function readApplied(db: Db, stream: string): Promise<readonly AppliedRun[]> {
  const { rows } = await db.query<{ first_seq: string; last_seq: string; last_at: Date }>(
    {
      name: "fiber_applied_runs",
      text: `WITH taken AS (SELECT first_seq, last_seq, last_at FROM ingest_applied WHERE stream = $1)
             ${MERGED_RUNS} ORDER BY 1`,
    },
    [stream],
  );
  return rows.map((row) => ({
    firstSeq: Number(row.first_seq),
    lastSeq: Number(row.last_seq),
    lastAtMs: row.last_at.getTime(),
  }));
}

/** The highest message up to which every one is applied; 0 when the first is not. */
export function appliedFloor(runs: readonly AppliedRun[]): number {
  const first = runs[0];
  return first === undefined || first.firstSeq > 1 ? 0 : first.lastSeq;
}
