import { CHECK_TYPES, type CheckType, FiberError } from "#contracts";
import type { TargetInput } from "#probe";

/** A target as it is typed on the command line. */
export interface TargetOptions {
  readonly check?: string;
  readonly label?: string;
  readonly count?: string;
  readonly timeout?: string;
  readonly expectStatus?: string;
}

/**
 * Turns typed words into a target entry of probe.yaml; what does not fit its check is refused
 * later, by the schema.
 *
 * @throws FiberError USAGE
 */
export function shapeTarget(host: string, options: TargetOptions): TargetInput {
  const { label, timeout } = options;
  const check = CHECK_TYPES.find((known) => known === options.check) ?? guessCheck(host);
  const count = wholeNumber("--count", options.count);
  const status = wholeNumber("--expect-status", options.expectStatus);
  return {
    host,
    check,
    ...(label === undefined ? {} : { label }),
    ...(count === undefined ? {} : { count }),
    ...(timeout === undefined ? {} : { timeout }),
    ...(status === undefined ? {} : { expect: { status } }),
  } as TargetInput; // parsed here: the schema checks the file before it is written
}

/** http for a URL, tcp for host:port, else icmp. */
export function guessCheck(host: string): CheckType {
  if (/^https?:\/\//i.test(host)) return "http";
  return /^(?:[^:[\]]+|\[[^\]]+\]):\d+$/.test(host) ? "tcp" : "icmp";
}

function wholeNumber(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw new FiberError("USAGE", `${option} takes a whole number, not "${text}"`);
}
