import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { ERROR_STATUS, type IngestTrace, PUSH_LIMITS, roleMay } from "#contracts";
import type { Logger } from "#runtime";
import { errorText, logFailure, toErrorAnswer } from "../answer-error.js";
import type { TokenCache } from "../auth/token-cache.js";
import type { RateLimit } from "../limits/rate-limit.js";
import { requestIds } from "../request-ids.js";
import type { ObserveRequest } from "../request-metrics.js";
import { ALWAYS_SENT } from "../sent-headers.js";
import type { PushAnswer, PushHandler } from "./handle-push.js";
import { parseJson } from "./read-json-body.js";

/** What plain pushes are answered with. */
export interface PlainPushDeps {
  readonly handle: PushHandler;
  readonly tokens: TokenCache;
  readonly limit: RateLimit;
  readonly observe: ObserveRequest;
  readonly log: Logger;
  /** From then on everything is Fastify's, which tells clients to go. */
  readonly isClosing: () => boolean;
}

/** A push on its way: whose it is, and since when. */
interface PlainPush {
  readonly nodeId: string | null;
  readonly trace: IngestTrace;
  readonly startedMs: number;
  /** Headers that are known before the outcome. */
  readonly headers: Record<string, string | number>;
}

const ROUTE = "/api/push";

/**
 * Answers plain pushes in front of `next`, Fastify's listener: POST /api/push with a token that is
 * remembered as good and within its rate, and JSON of a stated length that is not compressed. That
 * is what probes send all day, and Fastify's way around the same handler costs as much again as
 * everything else together. Whatever is not plain goes to `next` untouched, and is refused there.
 */
export function plainPushFirst(deps: PlainPushDeps, next: RequestListener): RequestListener {
  return (req, res) => {
    const push = beginPlain(deps, req);
    if (push === null) next(req, res);
    else readBytes(req, (bytes) => void answer(deps, push, bytes, res));
  };
}

/** Null for a push that is not plain; nothing has happened to it then. */
function beginPlain(deps: PlainPushDeps, req: IncomingMessage): PlainPush | null {
  if (req.url !== ROUTE || req.method !== "POST") return null;
  const { headers } = req;
  // At debug each request is logged, which is Fastify's side of the house.
  if (deps.isClosing() || deps.log.isLevelEnabled("debug") || !hasPlainBody(req)) return null;
  const { authorization } = headers;
  if (authorization === undefined || !authorization.startsWith("Bearer ")) return null;
  const holder = deps.tokens.peek(authorization.slice(7));
  if (!holder || holder.revoked || holder.nodeDeleted || !roleMay(holder.role, "push")) return null;
  if (!deps.limit.hasToken(holder.tokenId)) return null;
  const taken = deps.limit.take(holder.tokenId);
  const trace = requestIds(headers);
  const known: Record<string, string | number> = {
    "content-type": "application/json; charset=utf-8",
    "x-request-id": trace.requestId,
    "x-trace-id": trace.traceId,
    ...ALWAYS_SENT,
  };
  if (taken !== null) {
    known["x-ratelimit-limit"] = deps.limit.perMinute;
    known["x-ratelimit-remaining"] = taken.remaining;
  }
  return { nodeId: holder.nodeId, trace, startedMs: performance.now(), headers: known };
}

function hasPlainBody({ headers }: IncomingMessage): boolean {
  return (
    headers["content-type"] === "application/json" &&
    headers["content-encoding"] === undefined &&
    headers.expect === undefined &&
    Number(headers["content-length"]) <= PUSH_LIMITS.bodyBytes
  );
}

/** The parser of node:http holds the body to its Content-Length; one that breaks off never ends. */
function readBytes(req: IncomingMessage, use: (bytes: Buffer) => void): void {
  const chunks: Buffer[] = [];
  req.on("data", (chunk: Buffer) => chunks.push(chunk));
  req.on("end", () => {
    const [first] = chunks;
    use(chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks));
  });
}

async function answer(
  deps: PlainPushDeps,
  push: PlainPush,
  bytes: Buffer,
  res: ServerResponse,
): Promise<void> {
  const { headers, trace } = push;
  const pushed = await settle(deps, push, bytes);
  const status = pushed.kind === "accepted" ? 202 : ERROR_STATUS[pushed.answer.code];
  let text: string;
  if (pushed.kind === "accepted") {
    text = pushed.text;
  } else {
    text = errorText(pushed.answer, trace.requestId);
    const { retryAfterS } = pushed.answer;
    if (retryAfterS !== undefined) headers["retry-after"] = retryAfterS;
  }
  headers["content-length"] = Buffer.byteLength(text);
  res.writeHead(status, headers).end(text);
  deps.observe({
    method: "POST",
    route: ROUTE,
    status,
    tookMs: performance.now() - push.startedMs,
    storedSamples: pushed.kind === "accepted" ? pushed.queued : 0,
  });
}

async function settle(deps: PlainPushDeps, push: PlainPush, bytes: Buffer): Promise<PushAnswer> {
  try {
    return await deps.handle(parseJson(bytes), push.nodeId, push.trace);
  } catch (err) {
    const refused = toErrorAnswer(err);
    logFailure(deps.log, push.trace, refused, err);
    return { kind: "refused", answer: refused };
  }
}
