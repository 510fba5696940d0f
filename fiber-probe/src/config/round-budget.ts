// A round of tcp, http, dns and tls ends within 95 % of the interval, whatever answers:
// start of the target (10 %), start of its last probe (35 %), end of that probe (50 %).

/** Share of the interval over which the starts of a round's targets are spread. */
export const SPREAD_SHARE = 0.1;

/** Share of the interval within which all probes of one target are sent. */
const SEND_SHARE = 0.35;

/** Share of the interval that a probe's time-out may take at most. */
export const TIMEOUT_SHARE = 0.5;

/** Time between two probes of a target that is measured in the worker, ms: a second at most. */
export function probePeriodMs(count: number, intervalMs: number): number {
  return Math.min(1_000, Math.floor((intervalMs * SEND_SHARE) / count));
}

/** fping sends a packet at most each `SEND_GAP_MS` (its own floor for ordinary users). */
export const SEND_GAP_MS = 1;

/** fping's floor for the time between two packets to one target, ms; with room for 20 targets. */
const SHORTEST_PERIOD_MS = 20;

/** How one icmp group is paced. */
export interface IcmpTiming {
  /** Time between two packets to one target, ms: a second, or less in a short interval. */
  readonly periodMs: number;
  /**
   * Targets that one process serves. A period has room for a packet to each of p / i targets; a
   * process that full slips by half on a busy machine (700 targets at 700 ms took 10.5 s instead
   * of 7), so half of that is used.
   */
  readonly targetsPerProcess: number;
}

/**
 * Paces `count` packets so that the round, the last time-out included, takes at most 85 % of the
 * interval. Null when they do not fit.
 */
export function icmpTiming(
  count: number,
  timeoutMs: number,
  intervalMs: number,
): IcmpTiming | null {
  const periodMs = Math.min(1_000, Math.floor((0.85 * intervalMs - timeoutMs) / count));
  if (periodMs < SHORTEST_PERIOD_MS) return null;
  return { periodMs, targetsPerProcess: Math.floor(periodMs / SEND_GAP_MS / 2) };
}
