import { lookup } from "node:dns/promises";
import { createConnection, isIP, type Socket } from "node:net";
import type { Endpoint } from "../config/endpoint.js";
import { type NoAnswer, outcomeOfError } from "./outcome.js";

/** A connected socket with how long that took; the caller destroys it. */
export interface OpenSocket {
  readonly kind: "open";
  readonly socket: Socket;
  /** Time of the name's resolution, absent for a literal address. */
  readonly dnsMs: number | null;
  /** Time from the first packet to the connection, ms. */
  readonly connectMs: number;
}

/**
 * Resolves a host (IPv4 first, by the system's resolver) and connects, within `timeoutMs` in all.
 * Never rejects.
 */
export async function openSocket(
  endpoint: Endpoint,
  timeoutMs: number,
): Promise<OpenSocket | NoAnswer> {
  const startedMs = performance.now();
  const resolved = await resolveHost(endpoint.hostname, timeoutMs);
  if (resolved.kind !== "address") return resolved;
  const { address } = resolved;
  const leftMs = timeoutMs - (performance.now() - startedMs);
  if (leftMs <= 0) return { kind: "timeout", afterMs: timeoutMs };
  const connectStartMs = performance.now();
  return new Promise((resolve) => {
    const socket = createConnection({ host: address, port: endpoint.port, noDelay: true });
    const timer = setTimeout(() => {
      socket.destroy();
      resolve({ kind: "timeout", afterMs: performance.now() - startedMs });
    }, leftMs);
    socket.once("connect", () => {
      clearTimeout(timer);
      socket.removeAllListeners("error");
      const connectMs = performance.now() - connectStartMs;
      resolve({ kind: "open", socket, dnsMs: resolved.dnsMs, connectMs });
    });
    socket.once("error", (error) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(outcomeOfError(error, connectStartMs));
    });
  });
}

/** An address with the time that finding it took. */
export interface ResolvedHost {
  readonly kind: "address";
  readonly address: string;
  readonly dnsMs: number | null;
}

/** Resolves a name by the system's resolver, IPv4 first; literal addresses pass. Never rejects. */
export async function resolveHost(
  hostname: string,
  timeoutMs: number,
): Promise<ResolvedHost | NoAnswer> {
  if (isIP(hostname) !== 0) return { kind: "address", address: hostname, dnsMs: null };
  const startedMs = performance.now();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<NoAnswer>((resolve) => {
    timer = setTimeout(
      () => resolve({ kind: "failed", reason: `name not resolved within ${timeoutMs} ms` }),
      timeoutMs,
    );
  });
  const found = lookup(hostname, { verbatim: false }).then(
    ({ address }): ResolvedHost => {
      return { kind: "address", address, dnsMs: performance.now() - startedMs };
    },
    (error: unknown) => outcomeOfError(error, startedMs),
  );
  try {
    return await Promise.race([found, late]);
  } finally {
    clearTimeout(timer);
  }
}
