import type { Db } from "../pool.js";

/** Messages that neither the database nor the log holds; both ends included. */
export interface IngestGap {
  readonly stream: string;
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** Their samples were taken after this (epoch ms); null when nothing before is known. */
  readonly afterMs: number | null;
  /** And before this; null when nothing came after them. */
  readonly beforeMs: number | null;
}

/**
 * Notes a gap once, and counts its messages as applied, because nobody can apply them.
 *
 * @returns whether it was new
 */
export async function noteGap(db: Db, gap: IngestGap): Promise<boolean> {
  const { rows } = await db.query(
    `WITH gap AS (
       INSERT INTO ingest_gaps (stream, first_seq, last_seq, after_at, before_at)
       VALUES ($1, $2, $3, to_timestamp($4::float8), to_timestamp($5::float8))
       ON CONFLICT DO NOTHING RETURNING *
     ), applied AS (
       INSERT INTO ingest_applied (stream, first_seq, last_seq, last_at)
       VALUES ($1, $2, $3, coalesce(to_timestamp($5::float8), to_timestamp($4::float8), now()))
     )
     SELECT FROM gap`,
    [gap.stream, gap.firstSeq, gap.lastSeq, seconds(gap.afterMs), seconds(gap.beforeMs)],
  );
  return rows.length > 0;
}

/** The newest gaps, at most ten. */
export async function listGaps(db: Db): Promise<readonly IngestGap[]> {
  const { rows } = await db.query<{
    stream: string;
    first_seq: string;
    last_seq: string;
    after_at: Date | null;
    before_at: Date | null;
  }>(
    `SELECT stream, first_seq, last_seq, after_at, before_at
       FROM ingest_gaps ORDER BY found_at DESC LIMIT 10`,
  );
  return rows.map((row) => ({
    stream: row.stream,
    firstSeq: Number(row.first_seq),
    lastSeq: Number(row.last_seq),
    afterMs: row.after_at?.getTime() ?? null,
    beforeMs: row.before_at?.getTime() ?? null,
  }));
}

function seconds(ms: number | null): number | null {
  return ms === null ? null : ms / 1_000;
}
