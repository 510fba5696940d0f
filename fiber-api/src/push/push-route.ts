import type { FastifyInstance } from "fastify";
import { errorBodySchema, PUSH_LIMITS, pushAcceptedSchema, pushBodySchema } from "#contracts";
import { sendError } from "../answer-error.js";
import type { AccessHook } from "../auth/access.js";
import type { PushHandler } from "./handle-push.js";

/**
 * POST /api/push. The schema documents the body but does not validate it: each sample is judged by
 * itself. Most pushes of probes never come here: see plain-sockets.ts.
 */
export function pushRoute(
  app: FastifyInstance,
  deps: { readonly handle: PushHandler; readonly mayPush: AccessHook },
): void {
  app.post(
    "/api/push",
    {
      bodyLimit: PUSH_LIMITS.bodyBytes,
      onRequest: deps.mayPush,
      validatorCompiler: () => (value) => ({ value }),
      schema: {
        tags: ["ingest"],
        summary: "Push samples",
        description:
          "One sample, an array, or `{node_id, metrics: […]}`. 202 means that the samples are " +
          "durable; those that could not be taken are listed by index in `rejected`.",
        body: pushBodySchema,
        response: { 202: pushAcceptedSchema, default: errorBodySchema },
      },
    },
    async (request, reply) => {
      const trace = { requestId: request.id, traceId: request.traceId };
      const pushed = await deps.handle(request.body, request.caller?.nodeId ?? null, trace);
      if (pushed.kind === "refused") return sendError(request, reply, pushed.answer);
      request.storedSamples = pushed.queued;
      return reply
        .code(202)
        .header("content-type", "application/json; charset=utf-8")
        .send(pushed.text);
    },
  );
}
