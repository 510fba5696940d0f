import type { Logger } from "#runtime";

/** Something that is opened, may break, and is opened anew. */
export interface Keepable {
  /** Never rejects. */
  end(): Promise<void>;
}

/** What the keeper needs to know and to tell. */
export interface KeeperOptions<S extends Keepable> {
  readonly log: Logger;
  /** What it is, for the log: "its database". */
  readonly what: string;
  /** Opens one; rejects while it is not usable. */
  readonly open: () => Promise<S>;
  readonly onOpen: (session: S) => void;
  /** The session is of no more use, or could not be opened. May be called several times in a row. */
  readonly onAway: (error: Error) => void;
}

/** Keeps a session open for as long as it runs, opening a new one whenever one is lost. */
export interface SessionKeeper {
  /** Gives the present session up. */
  lose(error: Error): void;
  /** Ends the session and opens no more. */
  stop(): Promise<void>;
}

const FIRST_WAIT_MS = 50;
const LONGEST_WAIT_MS = 2_000;

/** Starts a {@link SessionKeeper}. Waits double from 50 ms to 2 s, with jitter; logs changes only. */
export function keepSession<S extends Keepable>(options: KeeperOptions<S>): SessionKeeper {
  const { log, what } = options;
  let stopped = false;
  let loggedAway: string | null = null;
  let lose: (error: Error) => void = () => {};
  let wake: () => void = () => {};

  function away(error: Error): void {
    if (stopped) return;
    if (loggedAway !== error.message) log.warn({ err: error }, `ingest lost ${what}`);
    loggedAway = error.message;
    options.onAway(error);
  }

  async function holdOne(): Promise<void> {
    const session = await options.open();
    const lost = new Promise<Error | null>((resolve) => {
      lose = resolve;
      wake = () => resolve(null);
    });
    if (!stopped) {
      log.info(`ingest has ${what}`);
      loggedAway = null;
      options.onOpen(session);
      const error = await lost;
      if (error !== null) away(error);
    }
    lose = () => {};
    await session.end();
  }

  async function run(): Promise<void> {
    for (let waitMs = FIRST_WAIT_MS; !stopped; ) {
      try {
        await holdOne();
        waitMs = FIRST_WAIT_MS;
      } catch (err) {
        away(err instanceof Error ? err : new Error(String(err)));
        waitMs = Math.min(2 * waitMs, LONGEST_WAIT_MS);
      }
      if (stopped) return;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, waitMs * (0.5 + Math.random() / 2));
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  const running = run();
  return {
    lose: (error) => lose(error),
    async stop() {
      stopped = true;
      wake();
      await running;
    },
  };
}
