import type { Socket } from "node:net";
import type { TcpTarget } from "../config/target.js";
import { openSocket } from "./open-socket.js";
import { type Outcome, outcomeOfError, type Phases } from "./outcome.js";

/** A server that greets with more than this before its banner is not the one that is expected. */
const MAX_BANNER_BYTES = 4_096;

/**
 * Connects once. The round trip is the time to connect; where a banner is expected it is the time
 * from the first packet until the banner has come, with both parts as phases.
 */
export async function probeTcp(target: TcpTarget): Promise<Outcome> {
  const startedMs = performance.now();
  const opened = await openSocket(target.endpoint, target.timeoutMs);
  if (opened.kind !== "open") return opened;
  const { socket, connectMs } = opened;
  const phases: Phases = {
    ...(opened.dnsMs === null ? {} : { dns_ms: opened.dnsMs }),
    connect_ms: connectMs,
  };
  try {
    if (target.banner === undefined) return { kind: "answered", rttMs: connectMs, phases };
    const leftMs = target.timeoutMs - (performance.now() - startedMs);
    const bannerStartMs = performance.now();
    const failure = await awaitBanner(socket, target.banner, leftMs);
    if (failure !== null) return failure;
    const bannerMs = performance.now() - bannerStartMs;
    return {
      kind: "answered",
      rttMs: connectMs + bannerMs,
      phases: { ...phases, banner_ms: bannerMs },
    };
  } finally {
    socket.destroy();
  }
}

/** Resolves with null once the expected text has come. */
function awaitBanner(socket: Socket, banner: string, leftMs: number) {
  const startedMs = performance.now();
  return new Promise<Exclude<Outcome, { kind: "answered" }> | null>((resolve) => {
    let heard = Buffer.alloc(0);
    const wanted = Buffer.from(banner);
    const timer = setTimeout(
      () => resolve({ kind: "timeout", afterMs: performance.now() - startedMs }),
      Math.max(0, leftMs),
    );
    const settle = (outcome: Exclude<Outcome, { kind: "answered" }> | null) => {
      clearTimeout(timer);
      resolve(outcome);
    };
    socket.on("data", (chunk: Buffer) => {
      heard = Buffer.concat([heard, chunk]);
      if (heard.includes(wanted)) settle(null);
      else if (heard.length > MAX_BANNER_BYTES) {
        settle({ kind: "failed", reason: "the banner differs from what is expected" });
      }
    });
    socket.once("error", (error) => settle(outcomeOfError(error, startedMs)));
    socket.once("close", () =>
      settle({ kind: "failed", reason: "closed before the expected banner" }),
    );
  });
}
