import { isIPv6 } from "node:net";
import type { Command } from "#runtime";
import { type IcmpTiming, SEND_GAP_MS } from "../config/round-budget.js";

/** What fping reads of the targets: literal addresses, one a line. */
export function fpingInput(addresses: readonly string[]): string {
  return `${addresses.join("\n")}\n`;
}

/**
 * One round over the addresses on stdin: every packet's time in one line an address (`-C`), no
 * growth of time-outs (`-B1`), replies later than the time-out count as lost.
 */
export function fpingCommand(options: {
  readonly family: 4 | 6;
  readonly count: number;
  readonly timeoutMs: number;
  readonly periodMs: IcmpTiming["periodMs"];
}): Command {
  const { family, count, timeoutMs, periodMs } = options;
  return [
    "fping",
    `-${family}`,
    ...["-C", `${count}`, "-q", "-B1", "-r1"],
    ...["-i", `${SEND_GAP_MS}`, "-p", `${periodMs}`, "-t", `${timeoutMs}`],
  ];
}

/** Which fping family an address belongs to. */
export function familyOf(address: string): 4 | 6 {
  return isIPv6(address) ? 6 : 4;
}

const LINE = /^(\S+)\s+: ((?:\d+(?:\.\d+)?|-)(?: (?:\d+(?:\.\d+)?|-))*) *$/;

/**
 * Round trips in ms by address, null for a lost packet. Lines that are not results (ICMP errors,
 * duplicates, summaries) are passed over, and so are lines with another number of packets:
 * an address without a line is missing from the map.
 */
export function parseFping(
  output: string,
  count: number,
): ReadonlyMap<string, readonly (number | null)[]> {
  const results = new Map<string, readonly (number | null)[]>();
  for (const line of output.split("\n")) {
    const match = LINE.exec(line);
    if (match === null) continue;
    const [, address, list] = match;
    const rtts = (list ?? "").split(" ").map((text) => (text === "-" ? null : Number(text)));
    if (address !== undefined && rtts.length === count) results.set(address, rtts);
  }
  return results;
}
