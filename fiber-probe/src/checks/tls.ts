import { isIP, type Socket } from "node:net";
import { connect, type TLSSocket } from "node:tls";
import type { TlsTarget } from "../config/target.js";
import { openSocket } from "./open-socket.js";
import { type Facts, type NoAnswer, type Outcome, outcomeOfError } from "./outcome.js";

const DAY_MS = 86_400_000;

/**
 * One handshake, whose time is the round trip. An expired or untrusted certificate is a fact in
 * the metadata, not a loss: the server did answer.
 */
export async function probeTls(target: TlsTarget): Promise<Outcome> {
  const startedMs = performance.now();
  const opened = await openSocket(target.endpoint, target.timeoutMs);
  if (opened.kind !== "open") return opened;
  const serverName = target.serverName ?? target.endpoint.hostname;
  const leftMs = target.timeoutMs - (performance.now() - startedMs);
  const shaken = await handshake(opened.socket, { serverName, verify: false, timeoutMs: leftMs });
  try {
    if (shaken.kind !== "secure") return shaken;
    return {
      kind: "answered",
      rttMs: shaken.tlsMs,
      phases: {
        ...(opened.dnsMs === null ? {} : { dns_ms: opened.dnsMs }),
        connect_ms: opened.connectMs,
        tls_ms: shaken.tlsMs,
      },
      facts: certificateFacts(shaken.socket, target),
    };
  } finally {
    if (shaken.kind === "secure") shaken.socket.destroy();
    opened.socket.destroy();
  }
}

/** A finished handshake with its time in ms. */
export interface Secured {
  readonly kind: "secure";
  readonly socket: TLSSocket;
  readonly tlsMs: number;
}

/** Secures a connected socket. Never rejects. */
export function handshake(
  socket: Socket,
  options: { readonly serverName: string; readonly verify: boolean; readonly timeoutMs: number },
): Promise<Secured | NoAnswer> {
  const startedMs = performance.now();
  return new Promise((resolve) => {
    const secured = connect({
      socket,
      host: options.serverName,
      // RFC 6066: no address as server name.
      servername: isIP(options.serverName) === 0 ? options.serverName : "",
      rejectUnauthorized: options.verify,
    });
    const timer = setTimeout(
      () => {
        secured.destroy();
        resolve({ kind: "timeout", afterMs: performance.now() - startedMs });
      },
      Math.max(0, options.timeoutMs),
    );
    secured.once("secureConnect", () => {
      clearTimeout(timer);
      secured.removeAllListeners("error");
      resolve({ kind: "secure", socket: secured, tlsMs: performance.now() - startedMs });
    });
    secured.once("error", (error) => {
      clearTimeout(timer);
      secured.destroy();
      resolve(outcomeOfError(error, startedMs));
    });
  });
}

function certificateFacts(
  socket: TLSSocket,
  limits: { readonly warnDays: number; readonly criticalDays: number },
): Facts {
  const certificate = socket.getPeerCertificate();
  const expiresAt = new Date(certificate.valid_to ?? Number.NaN);
  const days = Math.floor((expiresAt.getTime() - Date.now()) / DAY_MS);
  const issuer = certificate.issuer?.CN ?? certificate.issuer?.O;
  const problem = socket.authorizationError as unknown;
  return {
    chain_valid: socket.authorized,
    ...(socket.authorized ? {} : { chain_error: String(problem).slice(0, 200) }),
    ...(Number.isNaN(days)
      ? {}
      : {
          expires_at: expiresAt.toISOString(),
          expires_in_days: days,
          expiry: gradeExpiry(days, limits),
        }),
    ...(issuer === undefined ? {} : { issuer: String(issuer).slice(0, 100) }),
    protocol: socket.getProtocol() ?? "unknown",
  };
}

/** Sorts whole days until expiry (negative once past) by a target's limits. */
export function gradeExpiry(
  days: number,
  limits: { readonly warnDays: number; readonly criticalDays: number },
): "ok" | "expiring" | "critical" | "expired" {
  if (days < 0) return "expired";
  if (days < limits.criticalDays) return "critical";
  return days < limits.warnDays ? "expiring" : "ok";
}
