import { createHash } from "node:crypto";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FiberError } from "#contracts";

/** Longest socket path that every system takes (macOS: 103 bytes and a NUL). */
const MAX_SOCKET_PATH_BYTES = 100;

/** Longest silence of the agent for anything but a switch. */
const ASK_TIMEOUT_MS = 10_000;

/**
 * The socket of the agent of an installation: `FIBER_AGENT_SOCKET`, else `<state>/agent.sock`,
 * else, where that is too long for a socket, a short path in the temporary folder.
 */
export function agentSocket(
  stateDir: string,
  env: Readonly<Record<string, string | undefined>> = process.env,
): string {
  if (env.FIBER_AGENT_SOCKET) return env.FIBER_AGENT_SOCKET;
  const usual = join(stateDir, "agent.sock");
  if (Buffer.byteLength(usual) <= MAX_SOCKET_PATH_BYTES) return usual;
  const hash = createHash("sha256").update(stateDir).digest("hex").slice(0, 12);
  return join(tmpdir(), `fiber-${process.getuid?.() ?? 0}-${hash}.sock`);
}

/**
 * Asks a running agent and returns the `data` of its answer. Null when nobody listens on the
 * socket.
 *
 * @param options.body sent as JSON
 * @param options.timeoutMs how long the agent may be silent; 10 s by default
 * @throws FiberError with the agent's code when it refuses, AGENT_UNREACHABLE when it hangs or
 *   ends before it has answered
 */
export async function askAgent(
  socket: string,
  method: "GET" | "POST",
  path: string,
  options: { readonly body?: unknown; readonly timeoutMs?: number } = {},
): Promise<unknown> {
  const answer = await exchange(socket, { method, path, ...options });
  if (answer === null) return null;
  const body = parseAnswer(answer.text, socket);
  if (answer.status >= 400) {
    throw new FiberError(body.code ?? "INTERNAL", body.message ?? answer.text);
  }
  return body.data ?? {};
}

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
  readonly timeoutMs?: number;
}

function exchange(
  socketPath: string,
  { method, path, body, timeoutMs = ASK_TIMEOUT_MS }: Asked,
): Promise<{ readonly status: number; readonly text: string } | null> {
  const headers = body === undefined ? {} : { "content-type": "application/json" };
  return new Promise((resolve, reject) => {
    const fail = (err: Error) => reject(unreachable(socketPath, err));
    const options = { socketPath, method, path, timeout: timeoutMs, headers };
    const req = request(options, (res) => {
      const chunks: Buffer[] = [];
      res.on("data", (chunk: Buffer) => chunks.push(chunk));
      res.on("error", fail);
      res.on("end", () =>
        resolve({ status: res.statusCode ?? 0, text: Buffer.concat(chunks).toString() }),
      );
    });
    req.on("timeout", () => req.destroy(new Error(`no answer within ${timeoutMs} ms`)));
    req.on("error", (err: NodeJS.ErrnoException) => {
      if (err.code === "ENOENT" || err.code === "ECONNREFUSED") resolve(null);
      else fail(err);
    });
    req.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

function parseAnswer(
  text: string,
  socket: string,
): { code?: string; message?: string; data?: unknown } {
  try {
    return JSON.parse(text) as { code?: string; message?: string; data?: unknown };
  } catch (cause) {
    throw unreachable(socket, cause as Error);
  }
}

function unreachable(socket: string, cause: Error): FiberError {
  return new FiberError("AGENT_UNREACHABLE", `The agent at ${socket} failed: ${cause.message}`, {
    cause,
  });
}
