import type { Role } from "./roles.js";

/**
 * What a request without a token may do: nothing, read from anywhere, or read only when it was
 * addressed to this machine by name (which keeps a rebound DNS name out).
 */
export type AnonymousPolicy = "none" | "viewer" | "viewer-on-loopback";

/**
 * The policy of an installation: what was set, else reading on loopback while everything listens
 * there only.
 *
 * @param hosts where API and dashboard listen
 */
export function anonymousPolicy(
  set: "none" | "viewer" | undefined,
  hosts: readonly string[],
): AnonymousPolicy {
  if (set !== undefined) return set;
  return hosts.every(isLoopbackHost) ? "viewer-on-loopback" : "none";
}

/** The headers by which a request was addressed. */
export interface AddressingHeaders {
  readonly host?: string | undefined;
  readonly "x-forwarded-host"?: string | string[] | undefined;
}

/**
 * The role of a request without a token. On loopback every name by which it was addressed (Host,
 * and X-Forwarded-Host from the dashboard) and its client must mean this machine: a web page whose
 * name was rebound to 127.0.0.1 still sends its own name.
 */
export function anonymousRole(
  policy: AnonymousPolicy,
  request: { readonly headers: AddressingHeaders; readonly address: string },
): Role | null {
  if (policy === "none") return null;
  if (policy === "viewer") return "viewer";
  return isLoopbackAddress(request.address) &&
    namesOf(request.headers).every((name) => isLoopbackHost(withoutPort(name)))
    ? "viewer"
    : null;
}

/** Whether a host to listen on, or a name in a Host header, can only mean this machine. */
export function isLoopbackHost(host: string): boolean {
  return ["localhost", "127.0.0.1", "::1", "[::1]"].includes(host.toLowerCase());
}

function namesOf(headers: AddressingHeaders): readonly string[] {
  const forwarded = headers["x-forwarded-host"];
  return [headers.host ?? "", ...(forwarded === undefined ? [] : String(forwarded).split(","))];
}

function withoutPort(host: string): string {
  return host.trim().replace(/:\d{1,5}$/, "");
}

function isLoopbackAddress(address: string): boolean {
  return address === "::1" || /^(::ffff:)?127\.\d+\.\d+\.\d+$/.test(address);
}
