import { z } from "zod";

const count = z.coerce.number().int().min(1);

/** Which ingest log carries accepted samples. */
export const ingestLogSchema = z.enum(["direct", "jetstream"]);

/** What the ingest log `jetstream` reads from the environment. */
export const queueConfigSchema = z.object({
  /** nats://user:password@host:port, several separated by commas. */
  FIBER_NATS_URL: z
    .string()
    .refine((urls) => urls.split(",").every(isNatsUrl), "must be nats://host:port, …")
    .default("nats://127.0.0.1:4222"),
  /** Hours for which applied messages are kept for replay. */
  FIBER_QUEUE_HOURS: count.max(24 * 31).default(24),
  /** Size of the stream in MB; a stream full of messages not applied refuses new ones. */
  FIBER_QUEUE_MAX_MB: count.max(10_000_000).default(4_096),
  /** Servers that hold each message: 1, 3 or 5. */
  FIBER_QUEUE_REPLICAS: count.max(5).default(1),
});

/** See {@link queueConfigSchema}. */
export type QueueConfig = z.output<typeof queueConfigSchema>;

/** What the writer reads from the environment. */
export const etlConfigSchema = z.object({
  /** postgres://user:password@host:port/database */
  FIBER_DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/ }),
  /** direct: the API commits itself. jetstream: it publishes, and `fiber etl` processes commit. */
  FIBER_INGEST_LOG: ingestLogSchema.default("direct"),
  /** Connections that write samples; one more controls. */
  FIBER_INGEST_CONNECTIONS: count.max(16).default(2),
  /** Samples held in memory at most; more are refused with OVERLOADED. */
  FIBER_INGEST_MAX_SAMPLES: count.max(10_000_000).default(200_000),
  /** Bytes of samples held in memory at most, in MB. */
  FIBER_INGEST_MAX_MB: count.max(4_096).default(64),
  ...queueConfigSchema.shape,
});

/** See {@link etlConfigSchema}. */
export type EtlConfig = z.output<typeof etlConfigSchema>;

function isNatsUrl(text: string): boolean {
  try {
    return ["nats:", "tls:"].includes(new URL(text.trim()).protocol);
  } catch {
    return false;
  }
}
