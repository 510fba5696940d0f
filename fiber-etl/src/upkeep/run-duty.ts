import type { Clock, Logger } from "#runtime";

/** Work that is done again and again while its process leads. */
export interface Duty {
  readonly name: string;
  /** Least time from one start to the next. */
  readonly everyMs: number;
  readonly work: () => Promise<void>;
}

/** A duty never takes more than a fifth of the time. */
const REST_PER_WORK = 4;
const LONGEST_BACKOFF_MS = 30_000;

/**
 * Runs a duty until the signal is aborted. A failure is logged when it is another than the last
 * one, and waited out for twice as long each time, up to 30 s; it never ends the duty.
 */
export async function runDuty(
  duty: Duty,
  { log, clock, signal }: { log: Logger; clock: Clock; signal: AbortSignal },
): Promise<void> {
  let failed: string | null = null;
  let backoffMs = 500;
  while (!signal.aborted) {
    const startMs = performance.now();
    let pauseMs: number;
    try {
      await duty.work();
      if (failed !== null) log.info({ duty: duty.name }, "upkeep works again");
      failed = null;
      backoffMs = 500;
      const tookMs = performance.now() - startMs;
      pauseMs = Math.max(duty.everyMs - tookMs, REST_PER_WORK * tookMs);
    } catch (err) {
      const message = (err as Error).message;
      if (message !== failed) log.warn({ duty: duty.name, err }, "upkeep failed; trying again");
      failed = message;
      pauseMs = backoffMs;
      backoffMs = Math.min(2 * backoffMs, LONGEST_BACKOFF_MS);
    }
    await clock.sleep(pauseMs, signal);
  }
}
