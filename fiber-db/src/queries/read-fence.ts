import type { Db } from "../pool.js";

/** Why ingest is refused, and until when (epoch ms). */
export interface FenceView {
  readonly reason: string;
  readonly raisedBy: string;
  readonly expiresMs: number;
}

/** The ingest fence that stands now, or null. */
export async function readFence(db: Db): Promise<FenceView | null> {
  const { rows } = await db.query<{ reason: string; raised_by: string; expires_at: Date }>(
    "SELECT reason, raised_by, expires_at FROM ingest_fence WHERE expires_at > now()",
  );
  const row = rows[0];
  return row === undefined
    ? null
    : { reason: row.reason, raisedBy: row.raised_by, expiresMs: row.expires_at.getTime() };
}
