/** Waits between attempts, ms. */
export interface Backoff {
  readonly baseMs: number;
  readonly capMs: number;
}

/** Network trouble and 5xx. */
export const TROUBLE: Backoff = { baseMs: 1_000, capMs: 60_000 };

/** Refusals that only a person can mend: a wrong token, a deleted node, a wrong address. */
export const REFUSAL: Backoff = { baseMs: 60_000, capMs: 600_000 };

/** An uplink may not silence a probe for longer than this, ms. */
const LONGEST_RETRY_AFTER_MS = 3_600_000;

/**
 * Full jitter: anything up to the doubled wait, so that a fleet does not come back as one wave
 * (M. Brooker, "Exponential Backoff And Jitter", AWS 2015). `failures` counts from 1; refusals
 * never wait less than half.
 */
export function backoffMs(
  { baseMs, capMs }: Backoff,
  failures: number,
  random: () => number,
  least = 0,
): number {
  const ceiling = Math.min(capMs, baseMs * 2 ** Math.min(30, Math.max(0, failures - 1)));
  return Math.round(ceiling * (least + (1 - least) * random()));
}

/**
 * The wait that a Retry-After header asks for, in ms: seconds or an HTTP date (RFC 9110, 10.2.3).
 * Null when it is missing or neither; never negative, at most an hour.
 */
export function parseRetryAfter(header: string | undefined, nowMs: number): number | null {
  const text = header?.trim() ?? "";
  const waitMs = /^\d{1,10}$/.test(text)
    ? Number(text) * 1_000
    : /^[A-Z][a-z]{2}/.test(text)
      ? Date.parse(text) - nowMs
      : Number.NaN;
  if (Number.isNaN(waitMs)) return null;
  return Math.min(LONGEST_RETRY_AFTER_MS, Math.max(0, waitMs));
}
