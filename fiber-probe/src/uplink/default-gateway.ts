import { readFile } from "node:fs/promises";

/** This machine's IPv4 way out. */
export type DefaultGateway =
  | { readonly kind: "gateway"; readonly address: string }
  /** A default route without a gateway's address (point to point, VPN). */
  | { readonly kind: "direct" }
  | { readonly kind: "none" }
  /** No /proc/net/route here. */
  | { readonly kind: "unknown" };

/** Reads the default route of the lowest metric from /proc/net/route. */
export async function defaultGateway(): Promise<DefaultGateway> {
  try {
    return parseRoutes(await readFile("/proc/net/route", "utf8"));
  } catch {
    // Not Linux, or a container without it: the caller cannot tell.
    return { kind: "unknown" };
  }
}

const UP = 0x1;
const REJECT = 0x200;

/** Parses the table; addresses are hexadecimal in the machine's (little-endian) order. */
export function parseRoutes(table: string): DefaultGateway {
  const routes = table
    .split("\n")
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter(([, destination, , flags, , , , mask]) => {
      const bits = Number.parseInt(flags ?? "", 16);
      const isDefault = destination === "00000000" && mask === "00000000";
      return isDefault && (bits & UP) !== 0 && (bits & REJECT) === 0;
    })
    .sort((a, b) => Number(a[6]) - Number(b[6]));
  const gateway = routes[0]?.[2];
  if (gateway === undefined || !/^[0-9A-Fa-f]{8}$/.test(gateway)) return { kind: "none" };
  if (gateway === "00000000") return { kind: "direct" };
  const octets = [6, 4, 2, 0].map((at) => Number.parseInt(gateway.slice(at, at + 2), 16));
  return { kind: "gateway", address: octets.join(".") };
}
