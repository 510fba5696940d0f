import { z } from "zod";
import { CHECK_TYPES } from "./check-types.js";
import { maintenanceViewSchema } from "./maintenance.js";
import { nodeViewSchema } from "./node.js";
import { NODE_STATES } from "./node-state.js";
import { POSTURES } from "./posture.js";

const nullableNumber = z.number().nullable();

/** The answer envelope of everything but the arrays that contracts fix. */
const ok = <T extends z.ZodType>(data: T) => z.object({ status: z.literal("ok"), data });

/** GET /api/status. `release` is "dev" for a working tree. */
export const statusSchema = z
  .object({
    status: z.enum(["ok", "degraded", "down"]),
    code: z.string().optional().describe("set when not ok, for example SCHEMA_INCONSISTENT"),
    message: z.string().optional().describe("what is wrong and what to do"),
    data: z.object({
      release: z.string(),
      migration: z.string().nullable(),
      database: z.enum([
        "ok",
        "unreachable",
        "schema_behind",
        "schema_ahead",
        "schema_inconsistent",
      ]),
      ingest: z.object({
        log: z.enum(["direct", "jetstream"]),
        lag_s: z.number(),
        depth: z.int().describe("samples that wait (direct), or messages of samples (jetstream)"),
        fenced: z.boolean(),
        queue: z
          .object({
            connected: z.boolean(),
            consumers: z.int().nullable().describe("fiber etl processes; null while unknown"),
            bytes: z.number(),
            max_bytes: z.number(),
            replay_from: z.string().nullable(),
            dead: z.int().describe("dead letters: fiber etl dead list"),
            gap: z
              .object({ after: z.string().nullable(), before: z.string().nullable() })
              .nullable()
              .describe("samples between these times were lost beyond retention"),
          })
          .nullable()
          .optional()
          .describe("of the log jetstream; null while nothing is known of it yet"),
      }),
      probes: z.object({ expected: z.int(), reporting: z.int() }),
      maintenance: maintenanceViewSchema
        .nullable()
        .describe("planned work that goes on now: alerts are muted, measuring goes on"),
      uptime_s: z.number(),
    }),
  })
  .meta({ id: "Status" });

/** See {@link statusSchema}. */
export type StatusView = z.infer<typeof statusSchema>;

/** One stored sample, as GET /api/metrics?node_id=… lists it, newest first. */
export const sampleViewSchema = z
  .object({
    node_id: z.string(),
    country: z.string(),
    region: z.string(),
    target: z.string().nullable(),
    check: z.enum(CHECK_TYPES).nullable(),
    timestamp: z.string(),
    latency_ms: nullableNumber,
    latency_min_ms: nullableNumber,
    latency_max_ms: nullableNumber,
    jitter_ms: nullableNumber,
    sent: z.int().nullable(),
    received: z.int().nullable(),
    uptime_pct: z.number(),
    packet_loss: z.number(),
    metadata: z.record(z.string(), z.unknown()).nullable(),
  })
  .meta({ id: "StoredSample" });

/** See {@link sampleViewSchema}. */
export type SampleView = z.infer<typeof sampleViewSchema>;

/** One entry of GET /api/metrics: a probe's newest summary with its newest sample per target. */
export const latestRoundSchema = sampleViewSchema
  .extend({
    state: z.enum(NODE_STATES),
    demo: z.boolean(),
    targets: z.array(sampleViewSchema),
  })
  .meta({ id: "LatestRound" });

/** See {@link latestRoundSchema}. */
export type LatestRound = z.infer<typeof latestRoundSchema>;

/**
 * One point of a chart, `time` being the start of its bucket. All values are null where nothing
 * is known: a gap, never zero.
 */
export const chartPointSchema = z.object({
  time: z.string(),
  latency_min_ms: nullableNumber,
  latency_median_ms: nullableNumber,
  latency_p95_ms: nullableNumber,
  latency_max_ms: nullableNumber,
  loss_pct: nullableNumber,
  availability_pct: nullableNumber,
  coverage_pct: z.number(),
});

/** See {@link chartPointSchema}. */
export type ChartPoint = z.infer<typeof chartPointSchema>;

/** GET /api/series. */
export const seriesSchema = ok(
  z.object({
    node_id: z.string(),
    target: z.string().nullable(),
    check: z.enum(CHECK_TYPES).nullable(),
    start: z.string(),
    end: z.string(),
    resolution: z.enum(["raw", "hourly", "daily"]),
    bucket_s: z.number().describe("width of a point's bucket in seconds"),
    maintenance: z
      .array(maintenanceViewSchema)
      .describe("planned work that touches the window; its samples are in the points"),
    points: z.array(chartPointSchema),
  }),
).meta({ id: "Series" });

/** See {@link seriesSchema}. */
export type SeriesView = z.infer<typeof seriesSchema>["data"];

/** Figures over a window and a group of nodes; null is unknown. */
export const figuresSchema = z.object({
  latency_avg_ms: nullableNumber,
  latency_min_ms: nullableNumber,
  latency_max_ms: nullableNumber,
  latency_p50_ms: nullableNumber,
  latency_p95_ms: nullableNumber,
  loss_pct: nullableNumber,
  availability_pct: nullableNumber,
  coverage_pct: z.number(),
  samples: z.int(),
});

/** See {@link figuresSchema}. */
export type Figures = z.infer<typeof figuresSchema>;

/** GET /api/metrics/aggregated. */
export const aggregatedSchema = ok(
  z.object({
    dimension: z.enum(["region", "node"]),
    start: z.string(),
    end: z.string(),
    resolution: z.enum(["raw", "hourly"]),
    maintenance_min: z
      .number()
      .describe("minutes of planned work within the window; no figure leaves them out"),
    groups: z.array(figuresSchema.extend({ key: z.string(), nodes: z.int() })),
  }),
).meta({ id: "Aggregated" });

/** See {@link aggregatedSchema}. */
export type AggregatedView = z.infer<typeof aggregatedSchema>["data"];

/** The fleet's posture as it is shown. */
export const postureViewSchema = z.object({
  posture: z.enum(POSTURES),
  since: z.string(),
  reason: z.string().nullable(),
});

/** See {@link postureViewSchema}. */
export type PostureView = z.infer<typeof postureViewSchema>;

/** A node that needs a look, worst first. */
export const problemSchema = z.object({
  node_id: z.string(),
  region: z.string(),
  state: z.enum(NODE_STATES),
  since: z.string(),
  reason: z.string().nullable(),
});

/** See {@link problemSchema}. */
export type Problem = z.infer<typeof problemSchema>;

/**
 * GET /api/metrics/cluster: the fleet in one answer. `summary` covers the window, `previous` the
 * window of the same length before it, `trend` at most 120 points over the window.
 */
export const clusterSchema = ok(
  z.object({
    start: z.string(),
    end: z.string(),
    posture: postureViewSchema,
    probes: z.object({ expected: z.int(), reporting: z.int() }),
    summary: figuresSchema,
    previous: figuresSchema,
    trend: z.array(chartPointSchema.extend({ probes_reporting: z.int() })),
    bucket_s: z.number(),
    regions: z.array(
      figuresSchema.extend({
        region: z.string(),
        nodes: z.int(),
        worst_state: z.enum(NODE_STATES),
      }),
    ),
    problems: z.array(problemSchema),
  }),
).meta({ id: "Cluster" });

/** See {@link clusterSchema}. */
export type ClusterView = z.infer<typeof clusterSchema>["data"];

/** GET /api/nodes. */
export const nodeListSchema = ok(z.array(nodeViewSchema));

/** GET, POST, PATCH /api/nodes/{id}. */
export const nodeAnswerSchema = ok(nodeViewSchema);
