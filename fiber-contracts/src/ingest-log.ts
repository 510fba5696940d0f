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
      readonly code:
        | "OVERLOADED"
        | "INGEST_FENCED"
        | "DATABASE_UNAVAILABLE"
        | "QUEUE_UNAVAILABLE"
        | "QUEUE_FULL"
        | "SHUTTING_DOWN";
      readonly message: string;
      readonly retryAfterS: number;
    }
  | {
      /** Samples of a soft-deleted node: the caller answers 410. */
      readonly kind: "node-deleted";
      readonly nodeId: string;
    };

/** How the log is doing. */
export interface IngestLogStatus {
  readonly log: "direct" | "jetstream";
  /** What waits to be stored: samples in a direct log, messages of many samples in JetStream. */
  readonly depth: number;
  /** Age in seconds of the oldest sample not yet stored. */
  readonly lagS: number;
  readonly fenced: boolean;
  /** Of a log that other processes read; null while nothing is known of it yet. */
  readonly queue?: QueueStatus | null;
}

/** What an API knows of the stream between it and the writers. */
export interface QueueStatus {
  /** Whether samples can be published at this moment. */
  readonly connected: boolean;
  /** `fiber etl` processes on the database; null while it cannot be asked. */
  readonly consumers: number | null;
  readonly bytes: number;
  readonly maxBytes: number;
  /** When the oldest message came that can be replayed, epoch ms; null when there is none. */
  readonly replayFromMs: number | null;
  /** Messages that the database refuses (`fiber etl dead list`). */
  readonly dead: number;
  /** Messages lost beyond retention: times between which their samples were taken, epoch ms. */
  readonly gap: { readonly afterMs: number | null; readonly beforeMs: number | null } | null;
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
