import { ERROR_STATUS, type IngestTrace, roleMay } from "#contracts";
import type { TokenHolder } from "#db";
import type { Logger } from "#runtime";
import { errorText, logFailure, toErrorAnswer } from "../answer-error.js";
import type { TokenCache } from "../auth/token-cache.js";
import type { RateLimit } from "../limits/rate-limit.js";
import { requestIds } from "../request-ids.js";
import type { ObserveRequest } from "../request-metrics.js";
import { ALWAYS_SENT } from "../sent-headers.js";
import type { PushAnswer, PushHandler } from "./handle-push.js";
import type { PlainRequest } from "./plain-request.js";
import type { PlainAnswer, PlainAnswerer } from "./plain-sockets.js";
import { parseJson } from "./read-json-body.js";

/** What plain pushes are answered with. */
export interface PlainPushDeps {
  readonly handle: PushHandler;
  readonly tokens: TokenCache;
  readonly limit: RateLimit;
  readonly failedLogins: RateLimit;
  readonly observe: ObserveRequest;
  readonly log: Logger;
  readonly isClosing: () => boolean;
}

const ROUTE = "/api/push";

/**
 * Answers plain pushes in front of node:http and Fastify: those with a token that is known as good
 * and within its rate. That is what probes send all day, and the way through both costs several
 * times as much as everything else together. Whatever is to be refused before its body counts is
 * left to Fastify.
 */
export function plainPushes(deps: PlainPushDeps): PlainAnswerer {
  return {
    isClosing: deps.isClosing,
    async answer(request, address) {
      // At debug each request is logged, which is Fastify's side of the house.
      if (deps.log.isLevelEnabled("debug")) return null;
      const startedMs = performance.now();
      const known = deps.tokens.peek(request.token);
      const holder = known === undefined ? await lookUp(deps, request.token, address) : known;
      if (holder === null || !mayPush(deps, holder)) return null;
      return await answerPush(deps, { request, holder, startedMs });
    },
  };
}

/** Null for a token that is not known, or cannot be looked up: Fastify says so. */
async function lookUp(
  { tokens, failedLogins }: PlainPushDeps,
  token: string,
  address: string,
): Promise<TokenHolder | null> {
  if (!failedLogins.hasToken(address)) return null;
  return await tokens.find(token).catch(() => null);
}

function mayPush({ limit }: PlainPushDeps, holder: TokenHolder): boolean {
  if (holder.revoked || holder.nodeDeleted || !roleMay(holder.role, "push")) return false;
  return limit.hasToken(holder.tokenId);
}

async function answerPush(
  deps: PlainPushDeps,
  push: {
    readonly request: PlainRequest;
    readonly holder: TokenHolder;
    readonly startedMs: number;
  },
): Promise<PlainAnswer> {
  const { request, holder, startedMs } = push;
  const taken = deps.limit.take(holder.tokenId);
  const trace = requestIds(request.headers);
  const headers: Record<string, string | number> = {
    "content-type": "application/json; charset=utf-8",
    "x-request-id": trace.requestId,
    "x-trace-id": trace.traceId,
    ...ALWAYS_SENT,
  };
  if (taken !== null) {
    headers["x-ratelimit-limit"] = deps.limit.perMinute;
    headers["x-ratelimit-remaining"] = taken.remaining;
  }
  const pushed = await settle(deps, request.body, holder.nodeId, trace);
  const status = pushed.kind === "accepted" ? 202 : ERROR_STATUS[pushed.answer.code];
  if (pushed.kind === "refused" && pushed.answer.retryAfterS !== undefined) {
    headers["retry-after"] = pushed.answer.retryAfterS;
  }
  deps.observe({
    method: "POST",
    route: ROUTE,
    status,
    tookMs: performance.now() - startedMs,
    storedSamples: pushed.kind === "accepted" ? pushed.queued : 0,
  });
  const text = pushed.kind === "accepted" ? pushed.text : errorText(pushed.answer, trace.requestId);
  return { status, headers, text };
}

async function settle(
  deps: PlainPushDeps,
  bytes: Buffer,
  nodeId: string | null,
  trace: IngestTrace,
): Promise<PushAnswer> {
  try {
    return await deps.handle(parseJson(bytes), nodeId, trace);
  } catch (err) {
    const refused = toErrorAnswer(err);
    logFailure(deps.log, trace, refused, err);
    return { kind: "refused", answer: refused };
  }
}
