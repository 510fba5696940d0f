import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { aggregatedSchema, errorBodySchema } from "#contracts";
import { maintenanceBetween, maintenanceMs, RETENTION_DAYS } from "#db";
import { planFleetWindow, readFleet } from "../fleet/fleet-window.js";
import type { ReadDeps } from "../read-deps.js";
import { toFiguresView } from "../views/figures-view.js";
import { isoTime } from "../views/sample-view.js";
import { readWindow, timeParameter } from "./query-window.js";

const DAY_MS = 86_400_000;

const querySchema = z.object({
  dimension: z.enum(["region", "node"]).default("region"),
  start: timeParameter.optional().describe("default: 24 hours before the end"),
  end: timeParameter.optional().describe("default: now"),
});

/** GET /api/metrics/aggregated: figures by region or by node over a window. */
export function aggregatedRoute(app: FastifyInstance, { db, clock, mayRead }: ReadDeps): void {
  app.withTypeProvider<ZodTypeProvider>().get(
    "/api/metrics/aggregated",
    {
      onRequest: mayRead,
      schema: {
        tags: ["metrics"],
        summary: "Figures by region or by node",
        description:
          "Exact from samples for small windows (`resolution` raw). For larger ones by the hour: " +
          "the window begins at a full hour, p50 and p95 are estimated from the hours' own.",
        querystring: querySchema,
        response: { 200: aggregatedSchema, default: errorBodySchema },
      },
    },
    async (request, reply) => {
      const { dimension } = request.query;
      const nowMs = clock.now();
      const asked = readWindow(request.query, {
        nowMs,
        defaultMs: DAY_MS,
        maxMs: RETENTION_DAYS.hourly * DAY_MS,
      });
      const window = await planFleetWindow(db, asked, nowMs);
      const [groups = []] = await readFleet(db, window, [dimension]);
      const maintenance = await maintenanceBetween(db, window);
      return reply.send({
        status: "ok",
        data: {
          dimension,
          start: isoTime(window.startMs),
          end: isoTime(window.endMs),
          resolution: window.resolution,
          maintenance_min: Math.round(maintenanceMs(maintenance, window) / 6_000) / 10,
          groups: groups.map((g) => ({ key: g.key, nodes: g.nodes, ...toFiguresView(g) })),
        },
      });
    },
  );
}
