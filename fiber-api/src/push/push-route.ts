import type { FastifyInstance } from "fastify";
import {
  errorBodySchema,
  type IngestLog,
  PUSH_LIMITS,
  pushAcceptedSchema,
  pushBodySchema,
} from "#contracts";
import { RETENTION_DAYS } from "#db";
import type { Clock } from "#runtime";
import { sendError } from "../answer-error.js";
import type { AccessHook } from "../auth/access.js";
import { readPush } from "./read-push.js";
import { storePush } from "./store-push.js";

/** What the push route is made of. */
export interface PushDeps {
  readonly ingestLog: IngestLog;
  readonly clock: Clock;
  readonly mayPush: AccessHook;
}

const RAW_RETENTION_MS = RETENTION_DAYS.raw * 86_400_000;

/**
 * POST /api/push. The schema documents the body but does not validate it: each sample is judged by
 * itself. The hot path: no zod, one pass, a reply that is put together as text.
 */
export function pushRoute(app: FastifyInstance, deps: PushDeps): void {
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
      const push = readPush(request.body, {
        nowMs: deps.clock.now(),
        rawRetentionMs: RAW_RETENTION_MS,
        ownNodeId: request.caller?.nodeId ?? null,
      });
      const trace = { requestId: request.id, traceId: request.traceId };
      const outcome = await storePush(deps.ingestLog, push, trace);
      if (outcome.kind === "refused") return sendError(request, reply, outcome.answer);
      const { queued, rejected } = outcome;
      request.storedSamples = queued;
      if (rejected.length > 0) {
        request.log.info({ ...trace, queued, rejected: rejected.length }, "push stored in part");
      }
      return reply
        .code(202)
        .header("content-type", "application/json; charset=utf-8")
        .send(
          rejected.length === 0
            ? `{"status":"accepted","data":{"queued":${queued}}}`
            : JSON.stringify({ status: "accepted", data: { queued }, rejected }),
        );
    },
  );
}
