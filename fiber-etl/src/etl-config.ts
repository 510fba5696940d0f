import { z } from "zod";

const count = z.coerce.number().int().min(1);

/** What the writer reads from the environment. */
export const etlConfigSchema = z.object({
  /** postgres://user:password@host:port/database */
  FIBER_DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/ }),
  /** Connections that write samples; one more controls. */
  FIBER_INGEST_CONNECTIONS: count.max(16).default(2),
  /** Samples held in memory at most; more are refused with OVERLOADED. */
  FIBER_INGEST_MAX_SAMPLES: count.max(10_000_000).default(200_000),
  /** Bytes of samples held in memory at most, in MB. */
  FIBER_INGEST_MAX_MB: count.max(4_096).default(64),
});

/** See {@link etlConfigSchema}. */
export type EtlConfig = z.output<typeof etlConfigSchema>;
