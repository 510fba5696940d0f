import type { Sample } from "./sample.js";

/** Ids that follow a push from the probe to the log line of the stored rows. */
export interface IngestTrace {
  readonly requestId: string;
  readonly traceId: string;
}

/** What became of an append. `stored` means durable; anything else means nothing was kept. */
export type AppendOutcome =
  | { readonly kind: "stored" }
  | {
      readonly kind: "refused";
      readonly code: "OVERLOADED" | "INGEST_FENCED" | "DATABASE_UNAVAILABLE" | "SHUTTING_DOWN";
      readonly message: string;
      readonly retryAfterS: number;
    }
  | {
      /** Samples of a soft-deleted node: the caller answers 410. */
      readonly kind: "node-deleted";
      readonly nodeId: string;
    };

/** How the log is doing; `lagS` is the age in seconds of the oldest sample not yet stored. */
export interface IngestLogStatus {
  readonly log: "direct" | "jetstream";
  readonly depth: number;
  readonly lagS: number;
  readonly fenced: boolean;
}

/**
 * Where accepted samples go. Two adapters, one conformance suite:
 * `direct` commits to PostgreSQL in this process, `jetstream` publishes to NATS.
 */
export interface IngestLog {
  /**
   * Resolves when the samples are durable, or says why they were not taken.
   * Appending the same sample twice stores it once. Never rejects for an expected cause.
   */
  append(samples: readonly Sample[], trace: IngestTrace): Promise<AppendOutcome>;
  status(): IngestLogStatus;
  /** Finishes what is in flight, then releases connections. */
  close(): Promise<void>;
}
