import type { ServerResponse } from "node:http";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { ERROR_STATUS, FiberError } from "#contracts";
import { proxyToAgent } from "#runtime";

/** What is asked at the agent; everything else below /api is the API's. */
const PATHS = ["/api/releases", "/api/runs", "/api/runs/live", "/api/runs/:id", "/api/readiness"];

/**
 * Hands releases, runs and readiness to the agent, past the API: a screen can so follow the
 * rollback of the very API it talks to. The agent decides who may read, by the token and by whom
 * this server says it asks for. Without the agent the answer is 503 `AGENT_UNREACHABLE`.
 */
export function agentRoutes(app: FastifyInstance, socket: string): void {
  const streams = new Set<ServerResponse>();
  app.addHook("preClose", async () => {
    for (const stream of streams) stream.end();
  });
  for (const path of PATHS) {
    app.get(path, { exposeHeadRoute: false }, async (request, reply) => {
      const answer = await proxyToAgent(socket, {
        path: request.url,
        headers: askedFor(request),
      }).catch((err: unknown) => {
        if (err instanceof FiberError) return err;
        throw err;
      });
      if (answer instanceof FiberError) return sendUnreachable(request, reply, answer);
      reply.hijack();
      streams.add(reply.raw);
      reply.raw.once("close", () => streams.delete(reply.raw));
      answer.pipeTo(reply.raw, { ...headersOf(reply), "x-request-id": request.id });
      return reply;
    });
  }
}

/** Who asks, and as what this server was addressed; what the client claims of that is replaced. */
function askedFor(request: FastifyRequest): Record<string, string> {
  const { authorization } = request.headers;
  return {
    host: request.host,
    "x-forwarded-for": request.ip,
    "x-forwarded-host": request.host,
    "x-request-id": request.id,
    ...(authorization === undefined ? {} : { authorization }),
  };
}

/** The headers that this server puts on every answer, such as those of security. */
function headersOf(reply: FastifyReply): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(reply.getHeaders())) {
    if (value !== undefined) headers[name] = String(value);
  }
  return headers;
}

function sendUnreachable(request: FastifyRequest, reply: FastifyReply, err: FiberError) {
  request.log.warn({ err }, "agent unreachable");
  return reply
    .code(ERROR_STATUS.AGENT_UNREACHABLE)
    .header("retry-after", String(err.retryAfterS ?? 2))
    .send({
      status: "error",
      code: "AGENT_UNREACHABLE",
      message:
        "The agent that releases and takes back does not answer. This page tries again by itself; " +
        "if it lasts, look at `fiber status`.",
      request_id: request.id,
    });
}
