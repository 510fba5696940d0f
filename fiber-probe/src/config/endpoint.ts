import { isIP } from "node:net";

/** A host (name or address, IPv6 without brackets) with a port. */
export interface Endpoint {
  readonly hostname: string;
  readonly port: number;
}

const NAME =
  /^(?=.{1,253}$)[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,62})(?:\.[A-Za-z0-9_][A-Za-z0-9_-]{0,62})*\.?$/;

/** Whether a text is an IP address or looks like a DNS name. Digits and dots must be an address. */
export function isHost(text: string): boolean {
  if (isIP(text) !== 0) return true;
  return NAME.test(text) && !/^[\d.]+$/.test(text);
}

/**
 * Reads `name:port`, `192.0.2.1:port` or `[2001:db8::1]:port`; without a port the default counts.
 * Null when it is neither, or when no port is known.
 */
export function parseEndpoint(text: string, defaultPort?: number): Endpoint | null {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(text);
  if (match === null) return isIP(text) === 6 ? withPort(text, defaultPort) : null;
  const [, bracketed, plain, digits] = match;
  if (bracketed !== undefined && isIP(bracketed) !== 6) return null;
  const hostname = bracketed ?? plain ?? "";
  if (!isHost(hostname)) return null;
  return withPort(hostname, digits === undefined ? defaultPort : Number(digits));
}

/** Writes an endpoint so that {@link parseEndpoint} reads it back. */
export function formatEndpoint({ hostname, port }: Endpoint): string {
  return isIP(hostname) === 6 ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}

function withPort(hostname: string, port: number | undefined): Endpoint | null {
  if (port === undefined || port < 1 || port > 65_535) return null;
  return { hostname, port };
}
