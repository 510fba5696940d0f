import type { ServerResponse } from "node:http";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { errorBodySchema, FiberError } from "#contracts";
import type { Clock, Logger } from "#runtime";
import { type AccessHook, mayStill } from "../auth/access.js";
import type { TokenCache } from "../auth/token-cache.js";
import { type LiveClient, type LiveHub, toEventText } from "./live-hub.js";

/** What the live route is made of. */
export interface LiveDeps {
  readonly hub: LiveHub;
  readonly mayRead: AccessHook;
  readonly tokens: TokenCache;
  readonly clock: Clock;
  readonly release: string;
}

/** What a client may leave unread before it is dropped. */
const MAX_UNREAD_BYTES = 1024 * 1024;
const MAX_CLIENTS = 1_000;

/**
 * GET /api/live: server-sent events, a comment every 15 s in between. It ends within seconds once the
 * token that opened it is revoked.
 */
export function liveRoute(app: FastifyInstance, deps: LiveDeps): void {
  app.get(
    "/api/live",
    {
      exposeHeadRoute: false,
      onRequest: deps.mayRead,
      schema: {
        tags: ["live"],
        summary: "Server-sent events: hello, samples, nodes, posture",
        response: {
          200: {
            description: "events; each event's data is one JSON value",
            content: { "text/event-stream": { schema: z.string() } },
          },
          default: errorBodySchema,
        },
      },
    },
    (request, reply) => {
      if (!acceptsEvents(request.headers.accept)) {
        throw new FiberError("NOT_ACCEPTABLE", "Ask for Accept: text/event-stream");
      }
      if (deps.hub.size() >= MAX_CLIENTS) {
        throw new FiberError("OVERLOADED", "Too many event streams are open", { retryAfterS: 30 });
      }
      reply.hijack();
      const response = reply.raw;
      for (const [name, value] of Object.entries(reply.getHeaders())) {
        if (value !== undefined) response.setHeader(name, value);
      }
      response.writeHead(200, {
        "content-type": "text/event-stream; charset=utf-8",
        "cache-control": "no-store",
        "x-accel-buffering": "no",
      });
      const client: LiveClient = {
        ...createClient(response, request.log),
        mayStay: () => mayStill(deps.tokens, request, "read"),
      };
      response.on("close", () => deps.hub.remove(client));
      response.on("error", () => deps.hub.remove(client));
      const time = new Date(deps.clock.now()).toISOString();
      client.send(toEventText({ event: "hello", data: { release: deps.release, time } }));
      deps.hub.add(client);
    },
  );
}

function acceptsEvents(accept: string | undefined): boolean {
  return (
    accept === undefined ||
    accept.split(",").some((part) => {
      const type = (part.split(";")[0] ?? "").trim().toLowerCase();
      return type === "text/event-stream" || type === "text/*" || type === "*/*";
    })
  );
}

function createClient(
  response: ServerResponse,
  log: Pick<Logger, "warn">,
): Pick<LiveClient, "send" | "end"> {
  return {
    send: (text) => {
      if (response.destroyed) return false;
      if (response.writableLength > MAX_UNREAD_BYTES) {
        log.warn({ unreadBytes: response.writableLength }, "slow event stream dropped");
        response.destroy();
        return false;
      }
      response.write(text);
      return true;
    },
    end: () => {
      response.end();
    },
  };
}
