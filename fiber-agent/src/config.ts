import { z } from "zod";
import { backupScheduleSchema } from "#rollback";
import { LOG_LEVELS, portVariable } from "#runtime";

/** Configuration of the supervisor and thereby of the stack on this machine. */
export const agentConfigSchema = z.object({
  FIBER_API_HOST: z.string().default("127.0.0.1"),
  FIBER_API_PORT: portVariable.default(8000),
  FIBER_DASHBOARD_HOST: z.string().default("127.0.0.1"),
  FIBER_DASHBOARD_PORT: portVariable.default(4000),
  FIBER_PG_PORT: portVariable.default(5432),
  FIBER_DATABASE_URL: z.string().optional(),
  FIBER_ANONYMOUS_ROLE: z.enum(["none", "viewer"]).optional(),
  FIBER_INGEST_LOG: z.enum(["direct", "jetstream"]).default("direct"),
  /** A nats-server that runs; without it `fiber up --log jetstream` starts one. */
  FIBER_NATS_URL: z.string().optional(),
  FIBER_NATS_PORT: portVariable.default(4222),
  FIBER_LOG_LEVEL: z.enum(LOG_LEVELS).default("info"),
  ...backupScheduleSchema.shape,
});

/** See {@link agentConfigSchema}. */
export type AgentConfig = z.output<typeof agentConfigSchema>;
