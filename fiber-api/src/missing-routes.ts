import type { FastifyInstance } from "fastify";
import { sendError } from "./answer-error.js";

/** Answers paths that no route has with 404, and known paths under another method with 405. */
export function missingRoutes(app: FastifyInstance): void {
  const known: { readonly pattern: RegExp; readonly method: string }[] = [];
  app.addHook("onRoute", (route) => {
    const pattern = new RegExp(`^${route.url.replace(/:[^/]+/g, "[^/]+").replaceAll("*", ".*")}$`);
    for (const method of [route.method].flat()) known.push({ pattern, method });
  });
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split("?")[0] ?? "";
    const methods = known.filter((k) => k.pattern.test(path)).map((k) => k.method);
    if (methods.length === 0) {
      return sendError(request, reply, {
        code: "ROUTE_NOT_FOUND",
        message: `There is no ${path.slice(0, 200)}; /docs lists what there is`,
      });
    }
    const allow = [...new Set(methods)].join(", ");
    reply.header("allow", allow);
    return sendError(request, reply, {
      code: "METHOD_NOT_ALLOWED",
      message: `${path.slice(0, 200)} takes ${allow}`,
    });
  });
}
