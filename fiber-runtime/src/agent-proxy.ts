import { type IncomingMessage, request, type ServerResponse } from "node:http";
import { FiberError } from "#contracts";

/** How long the agent may take to begin an answer, ms: readiness asks git and the database. */
const HEADERS_MS = 20_000;

/** An answer of the agent that has begun. */
export interface AgentStream {
  readonly status: number;
  readonly type: string;
  /** Passes it on as it comes, with headers of the caller's own, and ends with it. */
  pipeTo(response: ServerResponse, headers?: Readonly<Record<string, string>>): void;
}

/**
 * Asks the agent and hands its answer on unread, event streams too.
 *
 * @throws FiberError AGENT_UNREACHABLE when nobody listens, or when it takes too long
 */
export function proxyToAgent(
  socketPath: string,
  asked: { readonly path: string; readonly headers: Readonly<Record<string, string>> },
): Promise<AgentStream> {
  return new Promise((resolve, reject) => {
    const req = request(
      { socketPath, method: "GET", path: asked.path, headers: asked.headers },
      (answer) => {
        clearTimeout(timer);
        resolve({
          status: answer.statusCode ?? 502,
          type: answer.headers["content-type"] ?? "application/json",
          pipeTo: (response, headers = {}) => pipe(answer, response, headers),
        });
      },
    );
    const timer = setTimeout(
      () => req.destroy(new Error(`no answer within ${HEADERS_MS / 1_000} s`)),
      HEADERS_MS,
    );
    req.on("error", (cause: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      const away = cause.code === "ENOENT" || cause.code === "ECONNREFUSED";
      const why = away ? "nobody listens there" : cause.message;
      reject(
        new FiberError(
          "AGENT_UNREACHABLE",
          `The agent at ${socketPath} cannot be reached: ${why}. Start it with fiber up.`,
          { cause, retryAfterS: 2 },
        ),
      );
    });
    req.end();
  });
}

function pipe(
  answer: IncomingMessage,
  response: ServerResponse,
  headers: Readonly<Record<string, string>>,
): void {
  const type = answer.headers["content-type"] ?? "application/json";
  response.writeHead(answer.statusCode ?? 502, {
    ...headers,
    "content-type": type,
    "cache-control": "no-store",
    ...(type.startsWith("text/event-stream") ? { "x-accel-buffering": "no" } : {}),
  });
  response.flushHeaders();
  // Whichever side goes first takes the other with it.
  response.once("close", () => answer.destroy());
  answer.once("error", () => response.destroy());
  answer.pipe(response);
}
