import { type IncomingMessage, request } from "node:http";
import type { Socket } from "node:net";
import type { HttpTarget } from "../config/target.js";
import { openSocket } from "./open-socket.js";
import { type NoAnswer, type Outcome, outcomeOfError } from "./outcome.js";
import { handshake } from "./tls.js";

/** How much of a body is searched for the expected text. */
const MAX_BODY_BYTES = 256 * 1024;

/**
 * One GET on a fresh connection, redirects not followed. The round trip is the time from the
 * start to the first byte of the answer: dns + connect + tls + first byte, each a phase.
 */
export async function probeHttp(target: HttpTarget): Promise<Outcome> {
  const startedMs = performance.now();
  const url = new URL(target.url);
  const hostname = url.hostname.replace(/^\[|\]$/g, "");
  const secure = url.protocol === "https:";
  const port = url.port === "" ? (secure ? 443 : 80) : Number(url.port);
  const leftMs = () => target.timeoutMs - (performance.now() - startedMs);

  const opened = await openSocket({ hostname, port }, target.timeoutMs);
  if (opened.kind !== "open") return opened;
  let socket: Socket = opened.socket;
  try {
    let tlsMs: number | null = null;
    if (secure) {
      const options = { serverName: hostname, verify: target.verify, timeoutMs: leftMs() };
      const shaken = await handshake(socket, options);
      if (shaken.kind !== "secure") return shaken;
      socket = shaken.socket;
      tlsMs = shaken.tlsMs;
    }
    const answer = await exchange(socket, url, target, leftMs());
    if (answer.kind !== "response") return answer;
    const wrong = judge(answer, target);
    if (wrong !== null) return { ...wrong, facts: { status: answer.status } };
    return {
      kind: "answered",
      rttMs: (opened.dnsMs ?? 0) + opened.connectMs + (tlsMs ?? 0) + answer.firstByteMs,
      phases: {
        ...(opened.dnsMs === null ? {} : { dns_ms: opened.dnsMs }),
        connect_ms: opened.connectMs,
        ...(tlsMs === null ? {} : { tls_ms: tlsMs }),
        first_byte_ms: answer.firstByteMs,
      },
      facts: { status: answer.status },
    };
  } finally {
    socket.destroy();
    opened.socket.destroy();
  }
}

interface Answer {
  readonly kind: "response";
  readonly status: number;
  readonly firstByteMs: number;
  /** Null when no body was asked for. */
  readonly body: Buffer | null;
}

function exchange(
  socket: Socket,
  url: URL,
  target: HttpTarget,
  timeoutMs: number,
): Promise<Answer | NoAnswer> {
  const startedMs = performance.now();
  return new Promise((resolve) => {
    const sent = request({
      createConnection: () => socket,
      host: url.hostname,
      path: `${url.pathname}${url.search}`,
      headers: { host: url.host, "user-agent": "fiber-probe", accept: "*/*", connection: "close" },
    });
    const timer = setTimeout(
      () => {
        sent.destroy();
        resolve({ kind: "timeout", afterMs: performance.now() - startedMs });
      },
      Math.max(0, timeoutMs),
    );
    const settle = (outcome: Answer | NoAnswer) => {
      clearTimeout(timer);
      resolve(outcome);
    };
    let firstByteMs: number | null = null;
    socket.once("data", () => {
      firstByteMs = performance.now() - startedMs;
    });
    sent.once("error", (error) => settle(outcomeOfError(error, startedMs)));
    sent.once("response", (response) => {
      const answer = {
        kind: "response" as const,
        status: response.statusCode ?? 0,
        firstByteMs: firstByteMs ?? performance.now() - startedMs,
      };
      if (target.body === undefined) return settle({ ...answer, body: null });
      readBody(response).then(
        (body) => settle({ ...answer, body }),
        (error: unknown) => settle(outcomeOfError(error, startedMs)),
      );
    });
    sent.end();
  });
}

async function readBody(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    size += chunk.length;
    if (size >= MAX_BODY_BYTES) break;
  }
  return Buffer.concat(chunks).subarray(0, MAX_BODY_BYTES);
}

function judge(answer: Answer, target: HttpTarget): { kind: "failed"; reason: string } | null {
  const { status } = answer;
  if (target.status !== undefined && status !== target.status) {
    return { kind: "failed", reason: `status ${status}, expected ${target.status}` };
  }
  if (target.status === undefined && status >= 400) {
    return { kind: "failed", reason: `status ${status}` };
  }
  if (target.body !== undefined && !answer.body?.includes(target.body)) {
    return { kind: "failed", reason: "the body does not hold the expected text" };
  }
  return null;
}
