import type { IncomingHttpHeaders } from "node:http";
import { type AnonymousPolicy, anonymousRole, FiberError, type Role, roleMay } from "#contracts";

/** Refuses a request that may not read. */
export type ReadAccess = (headers: IncomingHttpHeaders) => void;

/** What the agent knows of tokens without asking the database. */
export type KnownTokens = (token: string) => Role | null;

/**
 * Who may read at the agent. The socket belongs to its owner alone, so a bare request is the
 * owner's command or the API, which has asked for a role itself. The dashboard says on whose
 * behalf it asks (`x-forwarded-for`), and the agent decides: so that a screen can follow a rollback
 * while API and database are away.
 *
 * @throws FiberError UNAUTHENTICATED, FORBIDDEN
 */
export function createReadAccess(deps: {
  readonly anonymous: AnonymousPolicy;
  readonly tokens: KnownTokens;
}): ReadAccess {
  return (headers) => {
    const address = headers["x-forwarded-for"];
    if (address === undefined) return;
    const role = roleOf(headers, String(address), deps);
    if (!roleMay(role, "read")) {
      throw new FiberError("FORBIDDEN", `The role ${role} may not do this`);
    }
  };
}

function roleOf(
  headers: IncomingHttpHeaders,
  address: string,
  { anonymous, tokens }: Parameters<typeof createReadAccess>[0],
): Role {
  const { authorization } = headers;
  if (authorization === undefined) {
    const role = anonymousRole(anonymous, { headers, address });
    if (role !== null) return role;
    throw new FiberError("UNAUTHENTICATED", "Send a token: Authorization: Bearer fbr_…");
  }
  const token = /^Bearer +(\S+)$/i.exec(authorization)?.[1];
  const role = token === undefined ? null : tokens(token);
  if (role !== null) return role;
  throw new FiberError("UNAUTHENTICATED", "This token is not known here");
}
