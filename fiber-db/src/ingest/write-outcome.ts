import { isConnectionError } from "../pool.js";

/** What became of one write of rows; only `stored` kept anything. */
export type WriteOutcome =
  /** Committed; `inserted` leaves out the rows that were there already. */
  | { readonly kind: "stored"; readonly inserted: number }
  /** A row was there already: write again with duplicates allowed. */
  | { readonly kind: "duplicate" }
  /** Ingest is fenced. */
  | { readonly kind: "fenced" }
  /** No partition for the day of a row. */
  | { readonly kind: "no-partition"; readonly error: Error }
  /** A deadlock or a serialization failure: the same write can succeed. */
  | { readonly kind: "retry"; readonly error: Error }
  /** The rows themselves are at fault. */
  | { readonly kind: "bad-data"; readonly error: Error }
  /** The server cannot take it now (disk full, time-out, read-only), the connection is fine. */
  | { readonly kind: "unable"; readonly error: Error }
  /** The connection broke, or the tables are not those that the connection was opened on. */
  | { readonly kind: "lost"; readonly error: Error };

const RETRY = new Set(["40001", "40P01"]);
const SCHEMA_CHANGED = new Set(["42P01", "42703", "3F000", "26000", "0A000"]);

/**
 * Sorts an error of a write by its SQLSTATE. Before the guard statement has answered,
 * division_by_zero means fenced and a negative root means that the tables changed
 * (see the guard in sample-writer.ts).
 */
export function classifyWriteError(error: Error, guardPassed: boolean): WriteOutcome {
  const code = (error as { code?: unknown }).code;
  if (isConnectionError(error) || typeof code !== "string") return { kind: "lost", error };
  if (!guardPassed && code === "22012") return { kind: "fenced" };
  if (!guardPassed && code === "2201F") return { kind: "lost", error };
  if (SCHEMA_CHANGED.has(code)) return { kind: "lost", error };
  if (code === "23505") return { kind: "duplicate" };
  if (code === "23514" && isMissingPartition(error)) return { kind: "no-partition", error };
  if (RETRY.has(code)) return { kind: "retry", error };
  if (code.startsWith("22") || code.startsWith("23")) return { kind: "bad-data", error };
  return { kind: "unable", error };
}

/** PostgreSQL reports a missing partition as check_violation without a constraint's name. */
function isMissingPartition(error: Error): boolean {
  return (error as { constraint?: unknown }).constraint === undefined;
}
