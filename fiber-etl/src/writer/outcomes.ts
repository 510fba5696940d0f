import type { AppendOutcome } from "#contracts";

/** A refusal of an append. */
export type Refusal = Extract<AppendOutcome, { kind: "refused" }>;

/** A fence as the database tells it. */
export interface Fence {
  readonly reason: string;
  /** Seconds until it ends by itself. */
  readonly remainingS: number;
}

/** The one answer for everything that is durable. */
export const STORED: AppendOutcome = { kind: "stored" };

/** Refused because the log holds as much as it may. */
export const OVERLOADED: Refusal = {
  kind: "refused",
  code: "OVERLOADED",
  message: "The database takes samples slower than they come; send them again later.",
  retryAfterS: 1,
};

/** Refused because the log is closing. */
export const SHUTTING_DOWN: Refusal = {
  kind: "refused",
  code: "SHUTTING_DOWN",
  message: "This server is stopping; send the samples again, here or elsewhere.",
  retryAfterS: 1,
};

/** Refused while the database cannot be written to. */
export function databaseUnavailable(why: string, retryAfterS = 1): Refusal {
  return {
    kind: "refused",
    code: "DATABASE_UNAVAILABLE",
    message: `Samples cannot be stored now (${why}); send them again later.`,
    retryAfterS,
  };
}

/** Refused while nothing can be published. */
export function queueUnavailable(why: string): Refusal {
  return {
    kind: "refused",
    code: "QUEUE_UNAVAILABLE",
    message: `Samples cannot be put into the ingest log now (${why}); send them again later.`,
    retryAfterS: 1,
  };
}

/** Refused because the stream holds as much as it may. */
export const QUEUE_FULL: Refusal = {
  kind: "refused",
  code: "QUEUE_FULL",
  message: "The ingest log is full of samples that wait for the database; send them again later.",
  retryAfterS: 5,
};

/** Refused while ingest is fenced. Asks to come back at its end, within 1 to 5 s. */
export function fenced(fence: Fence | null): Refusal {
  const reason = fence === null ? "" : ` (${fence.reason})`;
  return {
    kind: "refused",
    code: "INGEST_FENCED",
    message: `Ingest is fenced${reason}; send the samples again later.`,
    retryAfterS: Math.min(5, Math.max(1, Math.ceil(fence?.remainingS ?? 1))),
  };
}
