import type { IncomingHttpHeaders } from "node:http";
import type { Role } from "#contracts";
import { type AnonymousPolicy, isLoopbackHost } from "../config.js";

/**
 * The role of a request without a token. On loopback every name by which it was addressed (Host,
 * and X-Forwarded-Host from the dashboard) and its client must mean this machine: a web page whose
 * name was rebound to 127.0.0.1 still sends its own name.
 */
export function anonymousRole(
  policy: AnonymousPolicy,
  request: { readonly headers: IncomingHttpHeaders; readonly ip: string },
): Role | null {
  if (policy === "none") return null;
  if (policy === "viewer") return "viewer";
  const forwarded = request.headers["x-forwarded-host"];
  const names = [
    request.headers.host ?? "",
    ...(forwarded === undefined ? [] : String(forwarded).split(",")),
  ];
  return isLoopbackAddress(request.ip) && names.every((name) => isLoopbackHost(hostName(name)))
    ? "viewer"
    : null;
}

function hostName(host: string): string {
  return host.trim().replace(/:\d{1,5}$/, "");
}

function isLoopbackAddress(address: string): boolean {
  return address === "::1" || /^(::ffff:)?127\.\d+\.\d+\.\d+$/.test(address);
}
