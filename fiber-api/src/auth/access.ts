import type { FastifyReply, FastifyRequest } from "fastify";
import {
  type AnonymousPolicy,
  anonymousRole,
  FiberError,
  type Permission,
  type Role,
  roleMay,
} from "#contracts";
import type { TokenHolder } from "#db";
import type { RateLimit } from "../limits/rate-limit.js";
import type { TokenCache } from "./token-cache.js";

/** Who a request comes from. */
export interface Caller {
  readonly role: Role;
  /** The only node a probe may speak for; null for others. */
  readonly nodeId: string | null;
  /** What rate limits count by. */
  readonly limitKey: string;
}

declare module "fastify" {
  interface FastifyRequest {
    /** Set by the access hook of every route that asks for a permission. */
    caller: Caller | null;
    traceId: string;
    /** Samples of this push that are durable now. */
    storedSamples: number;
  }
}

/** What access control is made of. */
export interface AccessDeps {
  readonly tokens: TokenCache;
  readonly anonymous: AnonymousPolicy;
  readonly failedLogins: RateLimit;
}

/** A hook that lets callers with a permission in, within a rate. */
export type AccessHook = (request: FastifyRequest, reply: FastifyReply) => Promise<void>;

/** Makes hooks that ask for a permission and count the request against a rate limit. */
export function createAccess(deps: AccessDeps) {
  return (permission: Permission, limit: RateLimit): AccessHook =>
    async (request, reply) => {
      const caller = await findCaller(deps, request);
      request.caller = caller;
      countRequest(limit, caller, reply);
      if (!roleMay(caller.role, permission)) {
        throw new FiberError("FORBIDDEN", `The role ${caller.role} may not do this`);
      }
    };
}

/**
 * Whether the token that opened a long answer still has a permission; true where it was opened
 * without a token.
 */
export async function mayStill(
  tokens: TokenCache,
  request: Pick<FastifyRequest, "headers">,
  permission: Permission,
): Promise<boolean> {
  const { authorization } = request.headers;
  if (authorization === undefined) return true;
  const holder = await tokens.find(bearerToken(authorization) ?? "");
  if (holder === null || holder.revoked || holder.nodeDeleted) return false;
  return roleMay(holder.role, permission);
}

function bearerToken(header: string): string | undefined {
  return /^Bearer +(\S+)$/i.exec(header)?.[1];
}

async function findCaller(deps: AccessDeps, request: FastifyRequest): Promise<Caller> {
  const header = request.headers.authorization;
  if (header === undefined) {
    const role = anonymousRole(deps.anonymous, {
      headers: request.headers,
      address: request.ip,
    });
    if (role === null) {
      throw new FiberError("UNAUTHENTICATED", "Send a token: Authorization: Bearer fbr_…");
    }
    return { role, nodeId: null, limitKey: request.ip };
  }
  const token = bearerToken(header);
  if (token === undefined) {
    throw new FiberError("UNAUTHENTICATED", "The Authorization header must be: Bearer fbr_…");
  }
  const holder = deps.tokens.peek(token) ?? (await findHolder(deps, request, token));
  if (holder.nodeDeleted) {
    throw new FiberError("NODE_DELETED", `Node ${holder.nodeId} was deleted; register it anew`);
  }
  if (holder.revoked) throw new FiberError("UNAUTHENTICATED", "This token was revoked");
  return { role: holder.role, nodeId: holder.nodeId, limitKey: holder.tokenId };
}

async function findHolder(
  deps: AccessDeps,
  request: FastifyRequest,
  token: string,
): Promise<TokenHolder> {
  if (!deps.failedLogins.hasToken(request.ip)) {
    throw new FiberError("RATE_LIMITED", "Too many unknown tokens from this address", {
      retryAfterS: 60,
    });
  }
  const holder = await deps.tokens.find(token);
  if (holder !== null) return holder;
  deps.failedLogins.take(request.ip);
  throw new FiberError("UNAUTHENTICATED", "This token is not known here");
}

function countRequest(limit: RateLimit, caller: Caller, reply: FastifyReply): void {
  const taken = limit.take(caller.limitKey);
  if (taken === null) return;
  reply.header("x-ratelimit-limit", limit.perMinute);
  reply.header("x-ratelimit-remaining", taken.remaining);
  if (taken.allowed) return;
  throw new FiberError(
    "RATE_LIMITED",
    `More than ${limit.perMinute} requests a minute; wait ${taken.retryAfterS} s`,
    { retryAfterS: taken.retryAfterS },
  );
}
