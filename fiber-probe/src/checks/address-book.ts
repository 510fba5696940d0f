import { isIP } from "node:net";
import { resolveHost } from "./open-socket.js";

/** Addresses of icmp targets: fping gets literal ones, names are resolved here. */
export interface AddressBook {
  /**
   * The host's address, or why it has none. A name that resolved before keeps its last address
   * while its resolver is silent: the check measures the host, not the resolver.
   */
  addressOf(host: string): Promise<{ readonly address: string } | { readonly reason: string }>;
}

/** How long an address is believed, ms. */
const FRESH_MS = 60_000;
const RESOLVE_TIMEOUT_MS = 2_000;

/** See {@link AddressBook}. */
export function createAddressBook(): AddressBook {
  const known = new Map<string, { readonly address: string; readonly atMs: number }>();
  return {
    async addressOf(host) {
      if (isIP(host) !== 0) return { address: host };
      const entry = known.get(host);
      if (entry !== undefined && performance.now() - entry.atMs < FRESH_MS) return entry;
      const resolved = await resolveHost(host, RESOLVE_TIMEOUT_MS);
      if (resolved.kind === "address") {
        known.set(host, { address: resolved.address, atMs: performance.now() });
        return { address: resolved.address };
      }
      const reason = "reason" in resolved ? resolved.reason : "name not resolved in time";
      const gone = reason.includes("ENOTFOUND");
      return entry !== undefined && !gone ? entry : { reason };
    },
  };
}
