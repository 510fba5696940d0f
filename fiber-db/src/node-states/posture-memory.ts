import type { Posture, PostureMemory } from "#contracts";
import type { Db } from "../pool.js";

interface Row {
  posture: Posture;
  reason: string | null;
  since_ms: number;
  candidate: Posture | null;
  candidate_since_ms: number | null;
}

/** The fleet's posture with what waits to replace it; null before the first decision. */
export async function readPostureMemory(db: Db): Promise<PostureMemory | null> {
  const { rows } = await db.query<Row>(
    `SELECT posture, reason, candidate, (extract(epoch FROM since) * 1000)::float8 AS since_ms,
            (extract(epoch FROM candidate_since) * 1000)::float8 AS candidate_since_ms
       FROM posture`,
  );
  const row = rows[0];
  if (row === undefined) return null;
  const { posture, reason, candidate } = row;
  const sinceMs = Math.round(row.since_ms);
  const waiting = row.candidate_since_ms;
  return {
    posture,
    reason,
    sinceMs,
    candidate,
    candidateSinceMs: waiting === null ? null : Math.round(waiting),
  };
}

/** Stores the posture with its memory, so that a restart forgets nothing. */
export async function storePostureMemory(db: Db, memory: PostureMemory): Promise<void> {
  await db.query(
    `INSERT INTO posture (posture, reason, since, candidate, candidate_since)
     VALUES ($1, $2, to_timestamp($3::float8 / 1000), $4, to_timestamp($5::float8 / 1000))
     ON CONFLICT (only_row) DO UPDATE SET
       posture = excluded.posture, reason = excluded.reason, since = excluded.since,
       candidate = excluded.candidate, candidate_since = excluded.candidate_since`,
    [memory.posture, memory.reason, memory.sinceMs, memory.candidate, memory.candidateSinceMs],
  );
}
