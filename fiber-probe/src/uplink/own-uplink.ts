import type { Icmp } from "../checks/icmp.js";
import { openSocket } from "../checks/open-socket.js";
import { defaultGateway } from "./default-gateway.js";

/** Whether this probe itself has a way out. */
export type UplinkState = "ok" | "down" | "unknown";

/** Tells "our probe was sick" from "the target was down". */
export interface OwnUplink {
  /** The state, looked at anew when what is known is older. Never rejects. */
  state(maxAgeMs: number): Promise<UplinkState>;
}

/** What was seen when the way out was looked at. */
export interface UplinkSight {
  readonly route: "present" | "none" | "unknown";
  readonly gateway: "answers" | "silent" | "untested";
  /** Whether this gateway has ever answered an echo request: many never do. */
  readonly gatewayAnsweredBefore: boolean;
  /** Whether an uplink that is not on this machine accepts a TCP connection. */
  readonly remoteUplink: "reachable" | "unreachable" | "none";
}

/**
 * A remote uplink or the gateway that answers proves a way out. Without a route, or when a gateway
 * that used to answer has fallen silent, there is none. Else nobody can tell: an unreachable
 * uplink behind a gateway that answers may itself be down.
 */
export function judgeUplink(sight: UplinkSight): UplinkState {
  if (sight.remoteUplink === "reachable") return "ok";
  if (sight.gateway === "answers") return sight.remoteUplink === "none" ? "ok" : "unknown";
  if (sight.route === "none") return "down";
  return sight.gateway === "silent" && sight.gatewayAnsweredBefore ? "down" : "unknown";
}

const CONNECT_TIMEOUT_MS = 2_000;
const GATEWAY_ROUND = { count: 2, timeoutMs: 1_000, intervalMs: 2_400 };

/** See {@link OwnUplink}. `uplinkUrls` are asked for each time, so that a reload counts. */
export function createOwnUplink(deps: {
  readonly icmp: Icmp;
  readonly uplinkUrls: () => readonly string[];
  readonly signal: AbortSignal;
}): OwnUplink {
  const answered = new Set<string>();
  let known: { readonly state: UplinkState; readonly atMs: number } | null = null;
  let looking: Promise<UplinkState> | null = null;

  const look = async (): Promise<UplinkState> => {
    const [remoteUplink, way] = await Promise.all([
      reachRemote(deps.uplinkUrls()),
      lookAtGateway(deps.icmp, answered, deps.signal),
    ]);
    const state = judgeUplink({ remoteUplink, ...way });
    known = { state, atMs: performance.now() };
    return state;
  };

  return {
    async state(maxAgeMs) {
      if (known !== null && performance.now() - known.atMs <= maxAgeMs) return known.state;
      looking ??= look().finally(() => {
        looking = null;
      });
      return looking;
    },
  };
}

async function lookAtGateway(
  icmp: Icmp,
  answered: Set<string>,
  signal: AbortSignal,
): Promise<Omit<UplinkSight, "remoteUplink">> {
  const gateway = await defaultGateway();
  const untested = { gateway: "untested" as const, gatewayAnsweredBefore: false };
  if (gateway.kind === "none" || gateway.kind === "unknown") {
    return { route: gateway.kind, ...untested };
  }
  if (gateway.kind === "direct") return { route: "present", ...untested };
  const { address } = gateway;
  const result = await icmp.run({ addresses: [address], ...GATEWAY_ROUND }, signal);
  if (result.kind === "unable") return { route: "present", ...untested };
  const answers = result.rtts.get(address)?.some((rtt) => rtt !== null) ?? false;
  const gatewayAnsweredBefore = answered.has(address);
  if (answers) answered.add(address);
  return { route: "present", gateway: answers ? "answers" : "silent", gatewayAnsweredBefore };
}

async function reachRemote(urls: readonly string[]): Promise<UplinkSight["remoteUplink"]> {
  const remote = urls.map((url) => new URL(url)).filter((url) => !isLoopback(url.hostname));
  if (remote.length === 0) return "none";
  const reached = await Promise.all(remote.map(connects));
  return reached.includes(true) ? "reachable" : "unreachable";
}

async function connects(url: URL): Promise<boolean> {
  const port = url.port === "" ? (url.protocol === "https:" ? 443 : 80) : Number(url.port);
  const hostname = url.hostname.replace(/^\[|\]$/g, "");
  const opened = await openSocket({ hostname, port }, CONNECT_TIMEOUT_MS);
  if (opened.kind === "open") opened.socket.destroy();
  // A refusal came over the network just as well: the way out works.
  return opened.kind === "open" || opened.kind === "refused";
}

function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127\./.test(hostname);
}
