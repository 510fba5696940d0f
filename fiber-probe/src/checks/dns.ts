import { randomInt } from "node:crypto";
import { createSocket } from "node:dgram";
import { getServers } from "node:dns";
import { isIP } from "node:net";
import { type Answer, type DecodedPacket, decode, encode, RECURSION_DESIRED } from "dns-packet";
import { type Endpoint, parseEndpoint } from "../config/endpoint.js";
import type { DnsTarget } from "../config/target.js";
import { resolveHost } from "./open-socket.js";
import { type NoAnswer, type Outcome, outcomeOfError } from "./outcome.js";

const RCODES = ["NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"] as const;

/**
 * Asks one question over UDP; the round trip is the time from the question to its answer. Without
 * a server of its own the target's question goes to the system's first name server.
 */
export async function probeDns(target: DnsTarget): Promise<Outcome> {
  const server = target.server ?? systemServer();
  if (server === null) {
    return { kind: "unable", reason: "this machine has no name server configured" };
  }
  const resolved = await resolveHost(server.hostname, target.timeoutMs);
  if (resolved.kind !== "address") return resolved;
  const reply = await ask(target, { hostname: resolved.address, port: server.port });
  if (reply.kind !== "reply") return reply;
  const facts = { rcode: rcodeOf(reply.packet), answers: reply.packet.answers?.length ?? 0 };
  const wrong = judge(reply.packet, target);
  if (wrong !== null) return { kind: "failed", reason: wrong, facts };
  return { kind: "answered", rttMs: reply.rttMs, facts };
}

/** The first name server of this machine, null when it has none. */
function systemServer(): Endpoint | null {
  const first = getServers()[0];
  return first === undefined ? null : parseEndpoint(first, 53);
}

interface Reply {
  readonly kind: "reply";
  readonly packet: DecodedPacket;
  readonly rttMs: number;
}

function ask(target: DnsTarget, server: Endpoint): Promise<Reply | NoAnswer> {
  const id = randomInt(0, 65_536);
  const question = { type: target.recordType, name: target.question.replace(/\.$/, "") };
  const query = encode({ type: "query", id, flags: RECURSION_DESIRED, questions: [question] });
  const socket = createSocket(isIP(server.hostname) === 6 ? "udp6" : "udp4");
  const startedMs = performance.now();
  let sentMs = startedMs;
  return new Promise<Reply | NoAnswer>((resolve) => {
    const timer = setTimeout(
      () => resolve({ kind: "timeout", afterMs: performance.now() - startedMs }),
      target.timeoutMs,
    );
    const settle = (outcome: Reply | NoAnswer) => {
      clearTimeout(timer);
      resolve(outcome);
    };
    socket.on("error", (error) => settle(outcomeOfError(error, startedMs)));
    socket.on("message", (message) => {
      const rttMs = performance.now() - sentMs;
      const packet = decodeReply(message, id, question);
      // A stray or forged packet does not end the wait for the real answer.
      if (packet !== null) settle({ kind: "reply", packet, rttMs });
    });
    // Connected, so that the kernel reports a closed port and drops packets of strangers.
    socket.connect(server.port, server.hostname, () => {
      sentMs = performance.now();
      socket.send(query);
    });
  }).finally(() => socket.close());
}

/** The packet when it answers this very question, else null; foreign bytes never throw. */
export function decodeReply(
  message: Buffer,
  id: number,
  question: { readonly type: string; readonly name: string },
): DecodedPacket | null {
  let packet: DecodedPacket;
  try {
    packet = decode(message);
  } catch {
    return null;
  }
  const asked = packet.questions?.[0];
  const same =
    packet.id === id &&
    packet.flag_qr &&
    asked?.type === question.type &&
    asked.name.toLowerCase() === question.name.toLowerCase();
  return same ? packet : null;
}

/** The answer's data as text, as `dig +short` writes it. */
export function recordText(answer: Answer): string {
  const data = (answer as { readonly data?: unknown }).data;
  if (typeof data === "string") return data;
  if (Buffer.isBuffer(data)) return data.toString();
  if (Array.isArray(data)) return data.map(String).join("");
  const fields = (data ?? {}) as Readonly<Record<string, string | number>>;
  if (answer.type === "MX") return `${fields.preference} ${fields.exchange}`;
  if (answer.type === "SRV") {
    return `${fields.priority} ${fields.weight} ${fields.port} ${fields.target}`;
  }
  return Object.values(fields).join(" ");
}

function judge(packet: DecodedPacket, target: DnsTarget): string | null {
  const rcode = rcodeOf(packet);
  if (rcode !== "NOERROR") return rcode;
  const records = (packet.answers ?? []).filter((answer) => answer.type === target.recordType);
  if (records.length === 0) return `no ${target.recordType} record`;
  const { record } = target;
  if (record === undefined || records.some((answer) => sameRecord(recordText(answer), record))) {
    return null;
  }
  const cut = packet.flag_tc ? " (the answer was cut at the size of a UDP packet)" : "";
  return `no record is ${record}${cut}`.slice(0, 200);
}

function sameRecord(found: string, expected: string): boolean {
  const plain = (text: string) => text.toLowerCase().replace(/\.$/, "");
  return plain(found) === plain(expected);
}

function rcodeOf(packet: DecodedPacket): string {
  const code = (packet.flags ?? 0) & 0xf;
  return RCODES[code] ?? `RCODE ${code}`;
}
