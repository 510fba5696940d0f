import httpProxy from "@fastify/http-proxy";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { ERROR_STATUS } from "#contracts";

const HEADERS_TIMEOUT_MS = 30_000;
/** Four missed heartbeats of an event stream. */
const BODY_TIMEOUT_MS = 60_000;
/** Each open event stream holds one connection, so the limit is far above what reads need. */
const CONNECTIONS = 4_096;

const LOOPBACK_HOSTS = ["localhost", "127.0.0.1", "[::1]"];

/**
 * Hands `/api/*` to the API, bodies and event streams unbuffered. The API learns the client's
 * address and the host that was asked for; headers of that kind sent by the client are replaced.
 * With the API away the answer is 502 `API_UNREACHABLE`. Closing the server ends open streams.
 */
export async function proxyApi(app: FastifyInstance, apiUrl: string): Promise<void> {
  const streams = new Set<FastifyReply>();
  app.addHook("preClose", async () => {
    for (const reply of streams) reply.raw.end();
  });
  await app.register(httpProxy, {
    upstream: apiUrl,
    prefix: "/api",
    rewritePrefix: "/api",
    disableRequestLogging: true,
    destroyAgent: true,
    undici: {
      headersTimeout: HEADERS_TIMEOUT_MS,
      bodyTimeout: BODY_TIMEOUT_MS,
      connections: CONNECTIONS,
    },
    replyOptions: {
      retryDelay: () => null,
      rewriteRequestHeaders: (request, headers) => ({
        ...headers,
        ...forwardedHeaders(request, new URL(apiUrl)),
      }),
      onResponse: (_request, reply, response) => {
        const body = (response as unknown as { stream: NodeJS.ReadableStream }).stream;
        if (String(reply.getHeader("content-type")).startsWith("text/event-stream")) {
          streams.add(reply as FastifyReply);
          reply.raw.once("close", () => streams.delete(reply as FastifyReply));
        }
        reply.send(body);
      },
      onError: (reply, { error }) => sendUnreachable(reply as FastifyReply, error, apiUrl),
    },
  });
}

function forwardedHeaders(
  request: Pick<FastifyRequest, "id" | "ip" | "host" | "protocol">,
  upstream: URL,
): Record<string, string | undefined> {
  return {
    "x-forwarded-for": request.ip,
    "x-forwarded-host": request.host,
    "x-forwarded-proto": request.protocol,
    forwarded: undefined,
    "x-request-id": request.id,
    // An API on this machine decides by the Host whether an anonymous reader is local.
    ...(LOOPBACK_HOSTS.includes(upstream.hostname) ? { host: request.host } : {}),
  };
}

function sendUnreachable(reply: FastifyReply, error: Error, apiUrl: string): void {
  reply.request.log.warn({ err: error, apiUrl }, "API unreachable");
  void reply
    .code(ERROR_STATUS.API_UNREACHABLE)
    .header("retry-after", "2")
    .send({
      status: "error",
      code: "API_UNREACHABLE",
      message:
        "The dashboard cannot reach the API. It tries again by itself; if this lasts, look at " +
        "`fiber status` and FIBER_API_URL.",
      request_id: reply.request.id,
    });
}
