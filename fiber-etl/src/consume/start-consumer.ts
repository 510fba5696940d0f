import type { Consumer, JsMsg } from "@nats-io/jetstream";
import type { Clock, Logger } from "#runtime";
import type { EtlConfig } from "../etl-config.js";
import { openQueue, type Queue } from "../queue/open-queue.js";
import { CONSUMER, SAMPLES } from "../queue/stream-names.js";
import { createWriter } from "../writer/create-writer.js";
import { keepSession } from "../writer/keep-session.js";
import { createInFlight } from "./in-flight.js";
import { isStreamGone, keepPosition } from "./position.js";
import { storeMessage } from "./store-message.js";

/** What {@link startConsumer} needs. */
export interface ConsumerOptions {
  readonly config: EtlConfig;
  readonly log: Logger;
  readonly clock: Clock;
}

/** A running consumer of the ingest log. */
export interface RunningConsumer {
  /** The stream's connection; null while there is none. */
  queue(): Queue | null;
  /** Samples stored since the start, and how many of them were new. */
  counts(): { readonly stored: number; readonly inserted: number };
  /** Finishes what is in flight; what it did not begin goes to other writers at once. */
  stop(): Promise<void>;
}

/** Messages asked for at once: enough to fill a group, few enough to be stored well in time. */
const FETCH_MESSAGES = 64;
const FETCH_MS = 1_000;
const LOOK_MS = 50;
const POSITION_EVERY_MS = 1_000;
const RETRY_MS = 200;
/** Samples that the database did not take are tried again after this. */
const AGAIN_MS = 1_000;

/**
 * Takes messages from the stream into PostgreSQL until it is stopped. A message is acknowledged
 * after the commit of its samples; while the database is away or fenced none are taken, and those
 * in hand go back to the stream.
 */
export function startConsumer({ config, log, clock }: ConsumerOptions): RunningConsumer {
  const ending = new AbortController();
  const { signal } = ending;
  let queue: Queue | null = null;
  let stored = 0;
  let inserted = 0;
  const writer = createWriter({
    config,
    log,
    clock,
    name: "fiber-etl",
    notesApplied: true,
    onStored(fresh, all) {
      inserted += fresh;
      stored += all;
    },
  });
  const keeper = keepSession<Queue>({
    log,
    what: "its stream",
    open: () =>
      openQueue({ config, log, name: "fiber-etl", onBroken: (error) => keeper.lose(error) }),
    onOpen(opened) {
      queue = opened;
    },
    onAway() {
      queue = null;
    },
  });
  const inFlight = createInFlight({ maxRows: config.FIBER_INGEST_MAX_SAMPLES, log, signal });

  async function take(message: JsMsg, from: Queue): Promise<void> {
    const { info, data } = message;
    const mark = { stream: from.streamId, seq: message.seq, atMs: message.time.getTime() };
    const incoming = { data, mark, deliveries: info.deliveryCount };
    const tools = { writer, js: from.js, log };
    await inFlight.room();
    if (signal.aborted || writer.refusal() !== null) return giveBack(message);
    inFlight.add(message, async () => {
      while ((await storeMessage(incoming, tools)).kind !== "applied") {
        if (signal.aborted || writer.refusal() !== null) return giveBack(message);
        // The database is there and takes no rows, its disk is full say: no other writer fares
        // better, and each delivery brings a message nearer to being taken for a poison.
        await clock.sleep(AGAIN_MS, signal);
      }
      message.ack();
    });
  }

  /**
   * To other writers at once when this one ends. While the database is away or fenced only after the
   * fetches under way have ended: else the message would come back into them, again and again.
   */
  function giveBack(message: JsMsg): void {
    if (signal.aborted) message.nak();
    else message.nak(FETCH_MS);
  }

  async function fetchOnce(consumer: Consumer, from: Queue): Promise<void> {
    const messages = await consumer.fetch({
      max_messages: FETCH_MESSAGES,
      expires: FETCH_MS,
      bind: true,
    });
    const abort = () => messages.stop();
    signal.addEventListener("abort", abort, { once: true });
    try {
      for await (const message of messages) await take(message, from);
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }

  /** Reads until the connection is lost, or the database takes nothing more. */
  async function read(from: Queue): Promise<void> {
    const db = writer.control();
    if (db === null) return;
    await keepPosition({ queue: from, db, log });
    const consumer = from.js.consumers.getConsumerFromInfo(
      await from.jsm.consumers.info(SAMPLES.stream, CONSUMER),
    );
    // Two fetches take turns, so that one is answered while the other's messages are worked on.
    let going = true;
    const lane = async () => {
      try {
        while (going && !signal.aborted && queue === from && writer.refusal() === null) {
          await fetchOnce(consumer, from);
        }
      } finally {
        going = false;
      }
    };
    const ends = await Promise.allSettled([lane(), lane()]);
    for (const end of ends) if (end.status === "rejected") throw end.reason;
  }

  async function run(): Promise<void> {
    let troubled = "";
    while (!signal.aborted) {
      if (queue === null || writer.refusal() !== null || writer.control() === null) {
        await clock.sleep(LOOK_MS, signal);
        continue;
      }
      try {
        await read(queue);
        troubled = "";
      } catch (err) {
        const { message } = err as Error;
        if (message !== troubled) log.info({ err }, "reading the stream was interrupted");
        troubled = message;
        await clock.sleep(RETRY_MS, signal);
      }
    }
  }

  /** A restore can put the database back at any moment, without the connections' noticing. */
  async function watchPosition(): Promise<void> {
    while (!signal.aborted) {
      await clock.sleep(POSITION_EVERY_MS, signal);
      const db = writer.control();
      const from = queue;
      if (signal.aborted || from === null || db === null || writer.refusal() !== null) continue;
      try {
        await keepPosition({ queue: from, db, log });
      } catch (err) {
        log.debug({ err }, "the position cannot be read");
        // A new connection makes the stream that is missing.
        if (from === queue && isStreamGone(err)) keeper.lose(err as Error);
      }
    }
  }

  const running = Promise.all([run(), watchPosition()]);
  return {
    queue: () => queue,
    counts: () => ({ stored, inserted }),
    async stop() {
      ending.abort();
      await running;
      await inFlight.end();
      await writer.close();
      // The acknowledgements above must leave before the connection is closed.
      await queue?.nc.flush().catch(() => undefined);
      await keeper.stop();
    },
  };
}
