import type { FastifyInstance } from "fastify";

// What probes and scrapers send every few seconds would drown everything else.
const ROUTINE = new Set([
  "/api/push",
  "/api/probe/heartbeat",
  "/api/status",
  "/health",
  "/metrics",
]);

/** One line per answered request with its ids: routine ones at debug, others at info. */
export function logRequests(app: FastifyInstance): void {
  app.addHook("onResponse", (request, reply, done) => {
    const route = request.routeOptions.url ?? null;
    const routine = route !== null && ROUTINE.has(route) && reply.statusCode < 400;
    const level = routine ? "debug" : "info";
    if (request.log.level !== "debug" && request.log.level !== "trace" && routine) return done();
    request.log[level](
      {
        requestId: request.id,
        traceId: request.traceId,
        method: request.method,
        route,
        status: reply.statusCode,
        tookMs: Math.round(reply.elapsedTime * 10) / 10,
      },
      "request answered",
    );
    done();
  });
}
