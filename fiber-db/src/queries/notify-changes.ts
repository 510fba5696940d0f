import type { Db } from "../pool.js";

/** The channel that carries changes between processes. */
export const CHANGES_CHANNEL = "fiber_changes";

/** What changed: ids only, `"*"` when there are too many to name. */
export interface Change {
  readonly kind: "samples" | "nodes" | "posture";
  readonly ids: readonly string[] | "*";
}

// NOTIFY takes at most 8000 bytes.
const MAX_PAYLOAD = 7_000;

/** Tells every listening API what changed. */
export async function notifyChanges(db: Db, change: Change): Promise<void> {
  const named = JSON.stringify(change);
  const payload =
    Buffer.byteLength(named) <= MAX_PAYLOAD ? named : JSON.stringify({ ...change, ids: "*" });
  await db.query("SELECT pg_notify($1, $2)", [CHANGES_CHANNEL, payload]);
}
