import { randomUUID } from "node:crypto";
import { rmSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { FiberError } from "#contracts";

/** What a route is asked. */
interface AgentRequest {
  readonly url: URL;
  /** The groups of a route whose path is a pattern, decoded. */
  readonly params: readonly string[];
  readonly headers: IncomingMessage["headers"];
  /** The body read as JSON; undefined when there is none. */
  body(): Promise<unknown>;
  /** For a route that streams: it answers by itself and returns "handled". */
  readonly response: ServerResponse;
  /** Aborts when the caller has gone or the agent ends. */
  readonly signal: AbortSignal;
}

/** What a route answers: a status with a body to send as JSON, or "handled". */
export type AgentAnswer = { readonly status: number; readonly body: unknown } | "handled";

/** One route of the agent. Its path is exact, or a pattern for the whole path. */
export interface AgentRoute {
  readonly method: "GET" | "POST";
  readonly path: string | RegExp;
  answer(request: AgentRequest): Promise<AgentAnswer>;
}

/** The usual answer: 200 with `data`. */
export function answerOk(data: unknown): AgentAnswer {
  return { status: 200, body: { status: "ok", data } };
}

/** No request of ours is larger than this, in bytes. */
const MAX_BODY_BYTES = 64 * 1024;

/** Serves the agent's routes on a unix socket that only its owner may use. */
export async function serveAgent(
  socket: string,
  routes: readonly AgentRoute[],
): Promise<{ close(): Promise<void> }> {
  const ending = new AbortController();
  const server = createServer((req, res) => {
    answer(req, res, { routes, ending: ending.signal }).then(
      (answered) => answered !== "handled" && send(res, answered.status, answered.body),
      (err: Error) => send(res, statusOf(err), errorBody(err, req)),
    );
  });
  // The caller holds the stack's lock, so a socket that lies here belongs to nobody.
  rmSync(socket, { force: true });
  const umask = process.umask(0o177);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(socket, resolve);
    });
  } finally {
    process.umask(umask);
  }
  return {
    close: () =>
      new Promise((resolve) => {
        ending.abort();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(
  req: IncomingMessage,
  response: ServerResponse,
  { routes, ending }: { routes: readonly AgentRoute[]; ending: AbortSignal },
): Promise<AgentAnswer> {
  const url = new URL(req.url ?? "/", "http://agent");
  for (const route of routes) {
    const params = route.method === req.method ? matchPath(route.path, url.pathname) : null;
    if (params === null) continue;
    const gone = new AbortController();
    response.once("close", () => gone.abort());
    const signal = AbortSignal.any([gone.signal, ending]);
    const body = () => readBody(req);
    return route.answer({ url, params, headers: req.headers, body, response, signal });
  }
  throw new FiberError("ROUTE_NOT_FOUND", `No route ${req.method} ${url.pathname}`);
}

function matchPath(path: string | RegExp, asked: string): readonly string[] | null {
  if (typeof path === "string") return path === asked ? [] : null;
  const found = path.exec(asked);
  if (found?.[0] !== asked) return null;
  try {
    return found.slice(1).map((part) => decodeURIComponent(part ?? ""));
  } catch {
    return null;
  }
}

async function readBody(req: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of req as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) throw new FiberError("BAD_REQUEST", "The body is too large");
    chunks.push(chunk);
  }
  if (bytes === 0) return undefined;
  try {
    return JSON.parse(Buffer.concat(chunks).toString());
  } catch (cause) {
    throw new FiberError("BAD_REQUEST", "The body is not JSON", { cause });
  }
}

const STATUS: Readonly<Record<string, number>> = {
  ROUTE_NOT_FOUND: 404,
  RUN_NOT_FOUND: 404,
  RELEASE_NOT_FOUND: 404,
  BAD_REQUEST: 400,
  UNAUTHENTICATED: 401,
  OVERLOADED: 503,
  FORBIDDEN: 403,
};

const statusOf = (err: Error): number =>
  err instanceof FiberError ? (STATUS[err.code] ?? 500) : 500;

function errorBody(err: Error, req: IncomingMessage) {
  const code = err instanceof FiberError ? err.code : "INTERNAL";
  const asked = req.headers["x-request-id"];
  const request_id = typeof asked === "string" ? asked : randomUUID();
  return { status: "error", code, message: err.message, request_id };
}

function send(res: ServerResponse, status: number, body: unknown): void {
  if (res.headersSent) return void res.destroy();
  res.writeHead(status, { "content-type": "application/json", connection: "close" });
  res.end(JSON.stringify(body));
}
