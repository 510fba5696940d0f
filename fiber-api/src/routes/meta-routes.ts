import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { packageVersion } from "#runtime";

/** GET / and GET /health: who answers, and that it answers. */
export function metaRoutes(app: FastifyInstance): void {
  app.get(
    "/",
    {
      schema: {
        tags: ["service"],
        summary: "Name and version",
        response: { 200: z.object({ message: z.string(), version: z.string() }) },
      },
    },
    async () => ({ message: "FiberStack-Lite API", version: packageVersion }),
  );
  app.get(
    "/health",
    {
      schema: {
        tags: ["service"],
        summary: "Liveness: 200 while the process can answer",
        response: { 200: z.object({ status: z.literal("ok") }) },
      },
    },
    async () => ({ status: "ok" }),
  );
}
