import type { FastifyInstance } from "fastify";
import { statusSchema } from "#contracts";
import type { StatusReader } from "../read-status.js";

/** GET /api/status: 200 for ok and degraded, 503 for down. */
export function statusRoute(app: FastifyInstance, status: StatusReader): void {
  app.get(
    "/api/status",
    {
      schema: {
        tags: ["service"],
        summary: "Release, migration, database, ingest and probes",
        response: { 200: statusSchema, 503: statusSchema },
      },
    },
    async (_request, reply) => {
      const view = await status.read();
      return reply.code(view.status === "down" ? 503 : 200).send(view);
    },
  );
}
