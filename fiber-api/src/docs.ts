import swagger from "@fastify/swagger";
import swaggerUi from "@fastify/swagger-ui";
import type { FastifyInstance } from "fastify";
import { jsonSchemaTransform, jsonSchemaTransformObject } from "fastify-type-provider-zod";
import { packageVersion } from "#runtime";

/** OpenAPI 3.1 at /docs/json, a page for people at /docs. Register before the routes. */
export async function apiDocs(app: FastifyInstance): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "FiberStack-Lite",
        version: packageVersion,
        description: "Samples in, states and charts out. See docs/api.md.",
      },
      tags: [
        { name: "metrics", description: "What was measured" },
        { name: "nodes", description: "Who measures" },
        { name: "ingest", description: "What probes send" },
        { name: "live", description: "Changes as they happen" },
        { name: "service", description: "The API itself" },
      ],
      components: {
        securitySchemes: { bearer: { type: "http", scheme: "bearer", bearerFormat: "fbr_…" } },
      },
      security: [{ bearer: [] }],
    },
    transform: jsonSchemaTransform,
    transformObject: jsonSchemaTransformObject,
  });
  await app.register(swaggerUi, { routePrefix: "/docs", staticCSP: true });
}
