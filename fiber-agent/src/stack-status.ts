import { z } from "zod";

/** What GET /status of the agent answers, and `fiber status --json` prints. */
export const stackStatusSchema = z.object({
  phase: z.enum(["starting", "running", "stopping"]),
  /** The release that runs, "dev" for a working tree, and the digest of its tree. */
  release: z.string(),
  digest: z.string().nullable(),
  pid: z.int(),
  since: z.string(),
  state_folder: z.string(),
  socket: z.string(),
  urls: z.object({ api: z.string(), dashboard: z.string() }),
  database: z
    .object({
      shown: z.string(),
      port: z.int().nullable(),
      pid: z.int().nullable(),
      restarts: z.int(),
      pgpass_file: z.string().nullable(),
    })
    .nullable(),
  /** Node ids of the stack's own probes. */
  probes: z.array(z.string()),
  roles: z.array(
    z.object({
      name: z.string(),
      state: z.enum(["starting", "running", "waiting", "stopped"]),
      pid: z.int().nullable(),
      uptime_s: z.number().nullable(),
      restarts: z.int(),
      memory_bytes: z.number().nullable(),
      url: z.string().nullable(),
      release: z.string(),
      digest: z.string().nullable(),
    }),
  ),
});

/** See {@link stackStatusSchema}. */
export type StackStatus = z.infer<typeof stackStatusSchema>;
