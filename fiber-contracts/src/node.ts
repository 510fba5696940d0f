import { z } from "zod";
import { CHECK_TYPES } from "./check-types.js";
import { NODE_STATES } from "./node-state.js";
import { countrySchema, nodeIdSchema, regionSchema } from "./sample.js";

/** [latitude, longitude] in degrees. */
export const coordinatesSchema = z.tuple([
  z.number().min(-90).max(90),
  z.number().min(-180).max(180),
]);

/** A node's or target's own thresholds; missing ones take the defaults. ms and percent. */
export const thresholdsSchema = z.object({
  degraded_latency_ms: z.number().min(0).max(60_000).optional(),
  critical_latency_ms: z.number().min(0).max(60_000).optional(),
  degraded_loss_pct: z.number().min(0).max(100).optional(),
  critical_loss_pct: z.number().min(0).max(100).optional(),
});

/** See {@link thresholdsSchema}. */
export type WireThresholds = z.infer<typeof thresholdsSchema>;

/** A check that the probe itself could not run: never counted as loss. */
export const unableCheckSchema = z.object({
  target: z.string().min(1).max(253),
  check: z.enum(CHECK_TYPES),
  reason: z.string().max(500),
});

/** One entry of GET /api/nodes. Times are ISO 8601 UTC; null is unknown. */
export const nodeViewSchema = z
  .object({
    node_id: z.string(),
    country: z.string(),
    region: z.string(),
    coordinates: coordinatesSchema.nullable(),
    demo: z.boolean(),
    interval_ms: z.int(),
    version: z.string().nullable(),
    thresholds: thresholdsSchema,
    state: z.enum(NODE_STATES),
    state_since: z.string(),
    state_reason: z.string().nullable(),
    last_seen_at: z.string().nullable(),
    uplink: z.enum(["ok", "down", "unknown"]).describe("the probe's own way out"),
    unable: z.array(unableCheckSchema),
    series: z.array(z.object({ target: z.string(), check: z.enum(CHECK_TYPES) })),
    latest: z
      .object({
        timestamp: z.string(),
        latency_ms: z.number().nullable(),
        uptime_pct: z.number(),
        packet_loss: z.number(),
      })
      .nullable()
      .describe("the node's newest summary"),
  })
  .meta({ id: "Node" });

/** See {@link nodeViewSchema}. */
export type NodeView = z.infer<typeof nodeViewSchema>;

/** Body of POST /api/nodes. */
export const nodeCreateSchema = z.strictObject({
  node_id: nodeIdSchema,
  country: countrySchema,
  region: regionSchema,
  coordinates: coordinatesSchema.optional(),
  interval_ms: z.int().min(1_000).max(86_400_000).optional(),
  thresholds: thresholdsSchema.optional(),
});

/** See {@link nodeCreateSchema}. */
export type NodeCreate = z.infer<typeof nodeCreateSchema>;

/** Body of PATCH /api/nodes/{id}. */
export const nodePatchSchema = nodeCreateSchema
  .omit({ node_id: true })
  .partial()
  .refine((patch) => Object.keys(patch).length > 0, { message: "nothing to change" });

/** See {@link nodePatchSchema}. */
export type NodePatch = z.infer<typeof nodePatchSchema>;

/** Body of POST /api/probe/heartbeat: what a probe says of itself, at start and every 30 s. */
export const heartbeatSchema = z
  .object({
    node_id: nodeIdSchema,
    country: countrySchema,
    region: regionSchema,
    coordinates: coordinatesSchema.optional(),
    interval_ms: z.int().min(1_000).max(86_400_000),
    version: z.string().max(64),
    demo: z.boolean().default(false),
    uplink: z.enum(["ok", "down", "unknown"]),
    unable: z.array(unableCheckSchema).max(1_000),
    targets: z
      .array(
        z.object({
          target: z.string().min(1).max(253),
          check: z.enum(CHECK_TYPES),
          thresholds: thresholdsSchema.optional(),
        }),
      )
      .max(10_000),
    spool: z.object({ samples: z.int(), bytes: z.int(), dropped: z.int() }),
  })
  .meta({ id: "Heartbeat" });

/** See {@link heartbeatSchema}. */
export type Heartbeat = z.infer<typeof heartbeatSchema>;
