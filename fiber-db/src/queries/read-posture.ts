import type { Posture } from "#contracts";
import type { Db } from "../pool.js";

/** The fleet's posture as it was decided last. Time in epoch ms. */
export interface StoredPosture {
  readonly posture: Posture;
  readonly reason: string | null;
  readonly sinceMs: number;
}

/** The posture that the upkeep stored; null before it decided one. */
export async function readPosture(db: Db): Promise<StoredPosture | null> {
  const { rows } = await db.query<{ posture: Posture; reason: string | null; since: Date }>(
    "SELECT posture, reason, since FROM posture",
  );
  const row = rows[0];
  return row === undefined
    ? null
    : { posture: row.posture, reason: row.reason, sinceMs: row.since.getTime() };
}
