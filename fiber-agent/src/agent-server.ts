import { rmSync } from "node:fs";
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import { FiberError } from "#contracts";

/** What the agent answers on its socket. */
export interface AgentHandlers {
  /** GET /status */
  status(): unknown;
  /** POST /stop: begins to stop the stack; the answer does not wait for the end. */
  stop(): void;
  /** POST /reload: probes read their targets again. */
  reload(): Promise<unknown>;
}

/** Serves the agent's HTTP on a unix socket that only its owner may use. */
export async function serveAgent(
  socket: string,
  handlers: AgentHandlers,
): Promise<{ close(): Promise<void> }> {
  const server = createServer((req, res) => {
    answer(req, handlers).then(
      ([status, body]) => send(res, status, body),
      (err: Error) =>
        send(res, 500, {
          status: "error",
          code: err instanceof FiberError ? err.code : "INTERNAL",
          message: err.message,
        }),
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
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(
  req: IncomingMessage,
  handlers: AgentHandlers,
): Promise<readonly [status: number, body: unknown]> {
  switch (`${req.method} ${req.url}`) {
    case "GET /status":
      return [200, { status: "ok", data: handlers.status() }];
    case "POST /stop":
      handlers.stop();
      return [202, { status: "accepted" }];
    case "POST /reload":
      return [200, { status: "ok", data: await handlers.reload() }];
    default:
      return [
        404,
        { status: "error", code: "ROUTE_NOT_FOUND", message: `No route ${req.method} ${req.url}` },
      ];
  }
}

function send(res: ServerResponse, status: number, body: unknown): void {
  res.writeHead(status, { "content-type": "application/json", connection: "close" });
  res.end(JSON.stringify(body));
}

/** Longest wait for an answer; the agent does nothing slow before it answers. */
const ASK_TIMEOUT_MS = 10_000;

/**
 * Asks a running agent. Null when nobody listens on the socket.
 *
 * @throws FiberError with the agent's code when it refuses, AGENT_UNREACHABLE when it hangs
 */
export async function askAgent(
  socket: string,
  method: "GET" | "POST",
  path: "/status" | "/stop" | "/reload",
): Promise<unknown> {
  const { status, text } = await new Promise<{ status: number; text: string }>(
    (resolve, reject) => {
      const req = request({ socketPath: socket, method, path, timeout: ASK_TIMEOUT_MS }, (res) => {
        const chunks: Buffer[] = [];
        res.on("data", (chunk: Buffer) => chunks.push(chunk));
        res.on("error", reject);
        res.on("end", () =>
          resolve({ status: res.statusCode ?? 0, text: Buffer.concat(chunks).toString() }),
        );
      });
      req.on("timeout", () => req.destroy(new Error(`no answer within ${ASK_TIMEOUT_MS} ms`)));
      req.on("error", (err: NodeJS.ErrnoException) => {
        if (err.code === "ENOENT" || err.code === "ECONNREFUSED") resolve({ status: 0, text: "" });
        else
          reject(
            new FiberError("AGENT_UNREACHABLE", `The agent at ${socket} failed: ${err.message}`, {
              cause: err,
            }),
          );
      });
      req.end();
    },
  );
  if (status === 0) return null;
  const body = JSON.parse(text) as { code?: string; message?: string; data?: unknown };
  if (status >= 400) throw new FiberError(body.code ?? "INTERNAL", body.message ?? text);
  return body.data ?? {};
}
