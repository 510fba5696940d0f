import type { Command } from "#runtime";

/** iputils refuses ordinary users a shorter interval than this. */
const SHORTEST_PERIOD_MS = 200;

/** One round of one address by iputils' ping, which prints every reply. */
export function pingCommand(options: {
  readonly address: string;
  readonly family: 4 | 6;
  readonly count: number;
  readonly timeoutMs: number;
  readonly periodMs: number;
}): Command {
  const { address, family, count, timeoutMs } = options;
  const periodMs = Math.max(SHORTEST_PERIOD_MS, options.periodMs);
  return [
    "ping",
    `-${family}`,
    "-n",
    ...["-c", `${count}`, "-i", `${periodMs / 1_000}`, "-W", `${timeoutMs / 1_000}`],
    address,
  ];
}

const REPLY = /icmp_seq=(\d+) .*time=(\d+(?:\.\d+)?) ms(?!.*DUP!)/;

/** Round trips in ms in the order sent, null for a lost packet; duplicates count once. */
export function parsePing(output: string, count: number): readonly (number | null)[] {
  const rtts = new Array<number | null>(count).fill(null);
  for (const line of output.split("\n")) {
    const match = REPLY.exec(line);
    const sequence = Number(match?.[1]);
    if (match !== null && sequence >= 1 && sequence <= count)
      rtts[sequence - 1] ??= Number(match[2]);
  }
  return rtts;
}
