import type { JsMsg } from "@nats-io/jetstream";
import type { Logger } from "#runtime";
import { ACK_WAIT_MS } from "./position.js";

/** Messages whose samples are on their way into the database. */
export interface InFlight {
  /** Resolves when there is room for another message, or when the signal is aborted. */
  room(): Promise<void>;
  /** Works on a message; one that fails is delivered again later. */
  add(message: JsMsg, work: () => Promise<void>): void;
  /** Resolves when nothing is in flight any more. */
  end(): Promise<void>;
}

/** A message that could not be dealt with comes again after this time. */
const AGAIN_MS = 5_000;
/** Bytes of a row with nothing null, and little for its series: what a message's size says of its rows. */
const ROW_BYTES = 100;
/** Enough groups to keep the connections busy. */
const MAX_ROWS = 60_000;

/**
 * Makes an empty {@link InFlight}, bounded by what its messages hold. Says for each of them, again
 * and again, that it is at work, so that a slow commit is not taken for a dead writer.
 */
export function createInFlight(options: {
  maxRows: number;
  log: Logger;
  signal: AbortSignal;
}): InFlight {
  const { maxRows, log, signal } = options;
  const messages = new Map<JsMsg, Promise<void>>();
  const maxBytes = ROW_BYTES * Math.min(maxRows, MAX_ROWS);
  let bytes = 0;
  let waiting: (() => void)[] = [];

  const signs = setInterval(() => {
    for (const message of messages.keys()) message.working();
  }, ACK_WAIT_MS / 3);
  signs.unref();

  function wake(): void {
    const waiters = waiting;
    waiting = [];
    for (const go of waiters) go();
  }
  signal.addEventListener("abort", wake, { once: true });

  function settle(message: JsMsg): void {
    messages.delete(message);
    bytes -= message.data.length;
    wake();
  }

  return {
    async room() {
      while (bytes >= maxBytes && !signal.aborted) {
        await new Promise<void>((resolve) => waiting.push(resolve));
      }
    },
    add(message, work) {
      bytes += message.data.length;
      const done = work()
        .catch((err: unknown) => {
          log.error({ err, seq: message.seq }, "a message could not be stored; it comes again");
          message.nak(AGAIN_MS);
        })
        .finally(() => settle(message));
      messages.set(message, done);
    },
    async end() {
      await Promise.all(messages.values());
      clearInterval(signs);
    },
  };
}
