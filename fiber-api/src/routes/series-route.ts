import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { CHECK_TYPES, errorBodySchema, FiberError, nodeIdSchema, seriesSchema } from "#contracts";
import { findNode, findSeries, maintenanceBetween } from "#db";
import { chartPoints } from "../charts/chart-points.js";
import { mergeBuckets } from "../charts/merge-buckets.js";
import { planSeries } from "../charts/plan-series.js";
import { readSeries } from "../charts/read-series.js";
import type { ReadDeps } from "../read-deps.js";
import { toMaintenanceView } from "../views/maintenance-view.js";
import { isoTime } from "../views/sample-view.js";
import { readWindow, timeParameter } from "./query-window.js";

const DAY_MS = 86_400_000;

const querySchema = z
  .object({
    node_id: nodeIdSchema,
    target: z.string().min(1).max(253).optional(),
    check: z.enum(CHECK_TYPES).optional(),
    start: timeParameter.optional().describe("default: 24 hours before the end"),
    end: timeParameter.optional().describe("default: now"),
    points: z.coerce.number().int().min(1).max(2_000).default(300),
  })
  .refine((q) => (q.target === undefined) === (q.check === undefined), {
    message: "target and check come together or not at all",
  });

type Query = z.infer<typeof querySchema>;

/** GET /api/series: points for a chart of one series. */
export function seriesRoute(app: FastifyInstance, deps: ReadDeps): void {
  app.withTypeProvider<ZodTypeProvider>().get(
    "/api/series",
    {
      onRequest: deps.mayRead,
      schema: {
        tags: ["metrics"],
        summary: "Points for a chart of one series",
        description:
          "Picks samples, hours or days by itself and says which. The window is widened to whole " +
          "buckets. A bucket without samples is a gap: null, never zero. Without `target` and " +
          "`check` the node's own summary.",
        querystring: querySchema,
        response: { 200: seriesSchema, default: errorBodySchema },
      },
    },
    async (request, reply) => reply.send({ status: "ok", data: await read(deps, request.query) }),
  );
}

async function read({ db, clock }: ReadDeps, query: Query) {
  const nowMs = clock.now();
  const window = readWindow(query, { nowMs, defaultMs: DAY_MS, maxMs: 366 * DAY_MS });
  const target = query.target ?? "";
  const check = query.check ?? "";
  const series = await findSeries(db, { nodeId: query.node_id, target, check });
  if (series === null && (await findNode(db, query.node_id))?.deleted !== false) {
    throw new FiberError("NODE_NOT_FOUND", `There is no node ${query.node_id}`);
  }
  const intervalMs = series?.intervalMs ?? 1_000;
  const plan = planSeries({ ...window, points: query.points, intervalMs, nowMs });
  // A target that was never measured is a chart of gaps, not an error.
  const buckets = series === null ? [] : await readSeries(db, { ...series, nowMs }, plan);
  const maintenance = await maintenanceBetween(db, plan);
  return {
    node_id: query.node_id,
    target: query.target ?? null,
    check: query.check ?? null,
    start: isoTime(plan.startMs),
    end: isoTime(plan.endMs),
    resolution: plan.resolution,
    bucket_s: plan.bucketMs / 1000,
    maintenance: maintenance.map((one) => toMaintenanceView(one, nowMs)),
    points: chartPoints(mergeBuckets(buckets, plan.bucketMs), { ...plan, nowMs }),
  };
}
