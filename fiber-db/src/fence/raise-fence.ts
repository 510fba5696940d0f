import type { DbPool } from "../pool.js";
import { inTransaction } from "../pool.js";

/** Why, who and for how long. */
export interface FenceRequest {
  readonly reason: string;
  readonly raisedBy: string;
  readonly forMs: number;
  /** How long to wait for writes in flight; afterwards nothing has changed. */
  readonly waitMs: number;
}

/** A fence that stands; times in epoch ms of the server's clock. */
export interface FenceRaised {
  readonly raisedMs: number;
  readonly expiresMs: number;
}

/**
 * Raises the ingest fence, or replaces the one that stands. When this resolves, every write of
 * samples that did not see the fence has committed and every later one is refused: writers hold a
 * ROW SHARE lock on `ingest_fence` from before they read it until their commit, and the EXCLUSIVE
 * lock taken here waits for them and lets nobody past. Readers and dumps do not wait.
 *
 * @throws the driver's error; SQLSTATE 55P03 when a write is still in flight after `waitMs`
 */
export async function raiseFence(pool: DbPool, request: FenceRequest): Promise<FenceRaised> {
  return inTransaction(pool, async (db) => {
    await db.query("SELECT set_config('lock_timeout', $1, true)", [`${request.waitMs}ms`]);
    await db.query("LOCK TABLE ingest_fence IN EXCLUSIVE MODE");
    const { rows } = await db.query<{ raised: Date; expires: Date }>(
      `INSERT INTO ingest_fence AS f (reason, raised_by, raised_at, expires_at)
       VALUES ($1, $2, clock_timestamp(), clock_timestamp() + $3 * interval '1 millisecond')
       ON CONFLICT (only_row) DO UPDATE SET reason = excluded.reason,
         raised_by = excluded.raised_by, raised_at = excluded.raised_at,
         expires_at = excluded.expires_at
       RETURNING raised_at AS raised, expires_at AS expires`,
      [request.reason, request.raisedBy, request.forMs],
    );
    const row = rows[0];
    if (row === undefined) throw new Error("the fence's row was not written");
    return { raisedMs: row.raised.getTime(), expiresMs: row.expires.getTime() };
  });
}
