import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { errorBodySchema, FiberError, heartbeatSchema } from "#contracts";
import { type DbPool, inTransaction, notifyChanges, upsertHeartbeat } from "#db";
import type { AccessHook } from "../auth/access.js";

/** What the heartbeat route is made of. */
export interface HeartbeatDeps {
  readonly pool: DbPool;
  readonly mayPush: AccessHook;
}

/** POST /api/probe/heartbeat: what a probe says of itself, at start and every 30 s. */
export function heartbeatRoute(app: FastifyInstance, deps: HeartbeatDeps): void {
  app.withTypeProvider<ZodTypeProvider>().post(
    "/api/probe/heartbeat",
    {
      onRequest: deps.mayPush,
      bodyLimit: 8 * 1024 * 1024,
      schema: {
        tags: ["ingest"],
        summary: "What a probe says of itself",
        body: heartbeatSchema,
        response: { 200: z.object({ status: z.literal("ok") }), default: errorBodySchema },
      },
    },
    async (request, reply) => {
      const beat = request.body;
      const own = request.caller?.nodeId ?? null;
      if (own !== null && own !== beat.node_id) {
        throw new FiberError(
          "NODE_MISMATCH",
          `node_id is ${beat.node_id}, but this token is for ${own}`,
        );
      }
      const outcome = await inTransaction(deps.pool, (db) => upsertHeartbeat(db, beat));
      if (outcome.kind === "node-deleted") {
        throw new FiberError("NODE_DELETED", `Node ${beat.node_id} was deleted; register it anew`);
      }
      if (outcome.changed) await notifyChanges(deps.pool, { kind: "nodes", ids: [beat.node_id] });
      return reply.send({ status: "ok" });
    },
  );
}
