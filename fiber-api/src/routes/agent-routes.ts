import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import {
  errorBodySchema,
  FiberError,
  readinessAnswerSchema,
  releaseListSchema,
  runAnswerSchema,
  runListSchema,
} from "#contracts";
import { proxyToAgent } from "#runtime";
import type { AccessHook } from "../auth/access.js";

/** What the agent's routes are made of. */
export interface AgentRouteDeps {
  readonly mayRead: AccessHook;
  /** The agent's socket; null when this API has no agent. */
  readonly socket: string | null;
}

const tags = ["releases"];

/**
 * GET /api/releases, /api/runs, /api/runs/{id}, /api/runs/live and /api/readiness: asked at the
 * agent, which stays up while releases are switched; 503 AGENT_UNREACHABLE without it.
 */
export function agentRoutes(app: FastifyInstance, deps: AgentRouteDeps): void {
  const api = app.withTypeProvider<ZodTypeProvider>();
  const { mayRead: onRequest } = deps;
  const answers = (schema: z.ZodType) => ({ 200: schema, default: errorBodySchema });
  const pass = (request: FastifyRequest, reply: FastifyReply) =>
    passOn(deps.socket, request, reply);
  api.get(
    "/api/releases",
    {
      onRequest,
      schema: {
        tags,
        summary: "Every release, newest first",
        response: answers(releaseListSchema),
      },
    },
    pass,
  );
  api.get(
    "/api/runs",
    {
      onRequest,
      schema: {
        tags,
        summary: "Deploys and rollbacks, newest first",
        querystring: z.object({ limit: z.coerce.number().int().min(1).max(200).default(50) }),
        response: answers(runListSchema),
      },
    },
    pass,
  );
  api.get(
    "/api/runs/live",
    {
      exposeHeadRoute: false,
      onRequest,
      schema: {
        tags,
        summary: "Server-sent events: hello, run, unreadable",
        description:
          "Every run that is not over, and again whenever one comes further; a comment every 15 s.",
        response: {
          200: {
            description: "events; each event's data is one JSON value",
            content: { "text/event-stream": { schema: z.string() } },
          },
          default: errorBodySchema,
        },
      },
    },
    pass,
  );
  api.get(
    "/api/runs/:id",
    {
      onRequest,
      schema: {
        tags,
        summary: "One run with its steps",
        params: z.object({ id: z.string().regex(/^[0-9A-Za-z-]{1,64}$/) }),
        response: answers(runAnswerSchema),
      },
    },
    pass,
  );
  api.get(
    "/api/readiness",
    {
      onRequest,
      schema: {
        tags,
        summary: "Can it be rolled back right now?",
        response: answers(readinessAnswerSchema),
      },
    },
    pass,
  );
}

async function passOn(
  socket: string | null,
  { url, id }: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  if (socket === null) {
    throw new FiberError(
      "AGENT_UNREACHABLE",
      "This API knows no agent: set FIBER_AGENT_SOCKET to the socket of `fiber up` or `fiber agent`.",
      { retryAfterS: 30 },
    );
  }
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(reply.getHeaders())) {
    if (value !== undefined) headers[name] = String(value);
  }
  const answer = await proxyToAgent(socket, { path: url, headers: { "x-request-id": id } });
  reply.hijack();
  answer.pipeTo(reply.raw, headers);
}
