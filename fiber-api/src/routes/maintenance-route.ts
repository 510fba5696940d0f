import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { errorBodySchema, maintenanceListSchema } from "#contracts";
import { maintenanceBetween } from "#db";
import type { ReadDeps } from "../read-deps.js";
import { toMaintenanceView } from "../views/maintenance-view.js";
import { readWindow, timeParameter } from "./query-window.js";

const DAY_MS = 86_400_000;

const querySchema = z.object({
  start: timeParameter.optional().describe("default: 30 days before the end"),
  end: timeParameter.optional().describe("default: now"),
});

/** GET /api/maintenance: windows of planned work that touch a span of time, newest first. */
export function maintenanceRoute(app: FastifyInstance, { db, clock, mayRead }: ReadDeps): void {
  app.withTypeProvider<ZodTypeProvider>().get(
    "/api/maintenance",
    {
      onRequest: mayRead,
      schema: {
        tags: ["metrics"],
        summary: "Planned work: when, why, by whom",
        description:
          "A deploy or a rollback opens a window by itself and closes it at its end. Alerts are " +
          "muted meanwhile; measuring goes on, and no figure leaves these times out.",
        querystring: querySchema,
        response: { 200: maintenanceListSchema, default: errorBodySchema },
      },
    },
    async (request, reply) => {
      const nowMs = clock.now();
      const span = readWindow(request.query, {
        nowMs,
        defaultMs: 30 * DAY_MS,
        maxMs: 366 * DAY_MS,
      });
      const windows = await maintenanceBetween(db, { ...span, endMs: span.endMs + 1 });
      const data = windows.map((window) => toMaintenanceView(window, nowMs));
      return reply.send({ status: "ok", data });
    },
  );
}
