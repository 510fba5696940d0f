import { existsSync } from "node:fs";
import { join } from "node:path";
import fastifyStatic from "@fastify/static";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { FiberError } from "#contracts";
import { packageRoot } from "#runtime";

/** Where `npm run build` puts the browser app. */
export const builtWebFolder = join(packageRoot, "dist", "fiber-dashboard", "web");

const YEAR_S = 365 * 24 * 3600;

/**
 * Serves the built app: files with a hash in their name for a year, everything else revalidated,
 * compressed copies where the build made them, and the app itself for any page address.
 *
 * @throws FiberError DASHBOARD_NOT_BUILT
 */
export async function serveWebBuild(app: FastifyInstance, folder: string): Promise<void> {
  if (!existsSync(join(folder, "index.html"))) {
    throw new FiberError(
      "DASHBOARD_NOT_BUILT",
      `The dashboard's pages are not built: ${join(folder, "index.html")} is missing. ` +
        "Run: npm run build",
    );
  }
  await app.register(fastifyStatic, {
    root: folder,
    preCompressed: true,
    cacheControl: false,
    setHeaders: (reply, path) => {
      const hashed = path.startsWith(join(folder, "assets"));
      reply.header("cache-control", hashed ? `public, max-age=${YEAR_S}, immutable` : "no-cache");
    },
  });
  app.setNotFoundHandler((request, reply) => {
    if (isPageAddress(request)) return reply.sendFile("index.html");
    return reply.code(404).send({
      status: "error",
      code: "ROUTE_NOT_FOUND",
      message: `There is no ${request.method} ${request.url.split("?")[0]} here`,
      request_id: request.id,
    });
  });
}

/** A page of the app, as opposed to a file that should exist: no dot in its last segment. */
function isPageAddress(request: FastifyRequest): boolean {
  const path = request.url.split("?")[0] ?? "/";
  const reads = request.method === "GET" || request.method === "HEAD";
  return reads && !path.startsWith("/api/") && !(path.split("/").pop() ?? "").includes(".");
}
