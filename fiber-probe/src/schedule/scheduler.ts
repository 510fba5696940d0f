/** Rounds on a steady beat. */
export interface Scheduler {
  /** Ends the wait; resolves when a running round has ended. */
  stop(): Promise<void>;
  /** Uses another interval from the next round on, which starts anew with a random part of it. */
  setInterval(intervalMs: number): void;
  counts(): { readonly rounds: number; readonly skipped: number };
}

/** What the scheduler needs. */
export interface SchedulerOptions {
  readonly intervalMs: number;
  /** One round; it must not reject. */
  readonly round: (signal: AbortSignal) => Promise<void>;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Told how many beats passed while a round was still running. */
  readonly onSkipped: (beats: number) => void;
  /** A number in [0, 1): which part of the interval to wait before the first round. */
  readonly random: () => number;
}

/**
 * Runs one round an interval by the monotonic clock. The first starts after a random part of the
 * interval (at most 2 s), so that a fleet that was started together does not measure together.
 * Rounds never overlap: beats that pass while one runs are skipped and counted.
 */
export function startScheduler(options: SchedulerOptions): Scheduler {
  const stopped = new AbortController();
  let wake = new AbortController();
  let { intervalMs } = options;
  let restart = true;
  let rounds = 0;
  let skipped = 0;

  const run = async () => {
    let dueMs = 0;
    while (!stopped.signal.aborted) {
      if (restart) {
        restart = false;
        dueMs = performance.now() + options.random() * Math.min(intervalMs, 2_000);
      }
      wake = new AbortController();
      await options.sleep(Math.max(0, dueMs - performance.now()), wake.signal);
      if (restart || stopped.signal.aborted) continue;
      rounds++;
      await options.round(stopped.signal);
      const missed = missedBeats(dueMs, performance.now(), intervalMs);
      dueMs += (missed + 1) * intervalMs;
      if (missed > 0 && !restart && !stopped.signal.aborted) {
        skipped += missed;
        options.onSkipped(missed);
      }
    }
  };
  const running = run();

  return {
    async stop() {
      stopped.abort();
      wake.abort();
      await running;
    },
    setInterval(nextMs) {
      if (nextMs === intervalMs) return;
      intervalMs = nextMs;
      restart = true;
      wake.abort();
    },
    counts: () => ({ rounds, skipped }),
  };
}

/** Beats after `dueMs` that are already past when a round ends at `endMs`. */
export function missedBeats(dueMs: number, endMs: number, intervalMs: number): number {
  return Math.max(0, Math.floor((endMs - dueMs) / intervalMs));
}
