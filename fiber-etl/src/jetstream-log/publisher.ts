import { randomUUID } from "node:crypto";
import type { AppendOutcome } from "#contracts";
import type { Clock, Logger } from "#runtime";
import { isApiError, type Queue } from "../queue/open-queue.js";
import { SAMPLES } from "../queue/stream-names.js";
import { QUEUE_FULL, queueUnavailable, STORED } from "../writer/outcomes.js";
import { type Batches, messageOf } from "./batches.js";
import type { HeldMessages } from "./held-messages.js";

/** What publishing needs of the log. */
export interface PublisherOptions {
  readonly batches: Batches;
  readonly held: HeldMessages;
  readonly log: Logger;
  readonly clock: Clock;
  /** Publishing failed: the connection, or the stream, is of no more use. */
  readonly onLost: (queue: Queue, error: Error) => void;
  /** Called after each batch. */
  readonly onSettled: () => void;
}

/** Publishes batches as earlier ones are acknowledged. */
export interface Publisher {
  /** Publishes over this connection from now on; null while there is none. */
  use(queue: Queue | null): void;
  /** Something waits: it is published at the end of this turn of the event loop. */
  schedule(): void;
}

/** What the server has not acknowledged yet, in messages. */
const MAX_IN_FLIGHT = 8;
/**
 * While one message is in flight, another is sent from this many waiting samples on: fewer wait
 * for the acknowledgement, and share the next message.
 */
const PARALLEL_SAMPLES = 500;
const ACK_MS = 3_000;
/** A message in flight is tried again on new connections for this long. */
const TRY_MS = 8_000;
/** JetStream's code for a stream that is full and discards what is new. */
const MAXIMUM_BYTES_EXCEEDED = 10_077;

/** Makes a {@link Publisher}. */
export function createPublisher(options: PublisherOptions): Publisher {
  const { batches, held, log, clock } = options;
  const instance = randomUUID();
  let queue: Queue | null = null;
  let waiting: ((queue: Queue) => void)[] = [];
  let inFlight = 0;
  let sent = 0;
  let scheduled = false;

  function schedule(): void {
    if (scheduled || queue === null) return;
    scheduled = true;
    setImmediate(() => {
      scheduled = false;
      flush();
    });
  }

  function flush(): void {
    while (queue !== null && inFlight < MAX_IN_FLIGHT) {
      if (inFlight > 0 && batches.waitingRows() < PARALLEL_SAMPLES) return;
      const batch = batches.take();
      if (batch === undefined) return;
      inFlight++;
      const { rowCount } = batch;
      void send(messageOf(batch)).then((outcome) => {
        inFlight--;
        if (outcome.kind === "stored") log.trace({ samples: rowCount }, "samples published");
        batches.settle(batch, outcome);
        flush();
        options.onSettled();
      });
    }
  }

  /** Publishes one message, over several connections if need be; the same message is stored once. */
  async function send(message: Buffer): Promise<AppendOutcome> {
    const msgID = `${instance}-${sent++}`;
    const endMs = clock.now() + TRY_MS;
    for (let why = "not connected"; ; ) {
      const target = queue ?? (await nextQueue(endMs - clock.now()));
      if (target === null) return queueUnavailable(why);
      try {
        const { seq } = await target.js.publish(SAMPLES.subject, message, {
          msgID,
          timeout: ACK_MS,
          expect: { streamName: SAMPLES.stream },
        });
        held.add({ streamId: target.streamId, seq, message });
        return STORED;
      } catch (err) {
        if (isApiError(err, MAXIMUM_BYTES_EXCEEDED)) return QUEUE_FULL;
        why = (err as Error).message;
        options.onLost(target, err as Error);
        if (clock.now() >= endMs) return queueUnavailable(why);
      }
    }
  }

  function nextQueue(withinMs: number): Promise<Queue | null> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        waiting = waiting.filter((other) => other !== got);
        resolve(null);
      }, withinMs);
      const got = (next: Queue) => {
        clearTimeout(timer);
        resolve(next);
      };
      waiting.push(got);
    });
  }

  /** What was acknowledged, and the stream does not hold any more, is published again. */
  async function sendAgain(lost: readonly { readonly message: Buffer }[]): Promise<void> {
    for (const { message } of lost) {
      const outcome = await send(message);
      if (outcome.kind !== "stored") held.add({ streamId: "", seq: 0, message });
    }
    log.warn({ messages: lost.length }, "published again what the stream had lost");
  }

  return {
    use(next) {
      queue = next;
      if (next === null) return;
      const lost = held.takeLost(next);
      const waiters = waiting;
      waiting = [];
      for (const got of waiters) got(next);
      if (lost.length > 0) void sendAgain(lost);
      schedule();
    },
    schedule,
  };
}
