import { AckPolicy, DeliverPolicy, type JsMsg } from "@nats-io/jetstream";
import { nanos } from "@nats-io/transport-node";
import { FiberError } from "#contracts";
import type { Clock, Logger } from "#runtime";
import { storeMessage } from "../consume/store-message.js";
import type { EtlConfig } from "../etl-config.js";
import { findSeqAt } from "../queue/find-seq.js";
import { openQueue, type Queue } from "../queue/open-queue.js";
import { SAMPLES } from "../queue/stream-names.js";
import { createWriter, type Writer } from "../writer/create-writer.js";

/** What to replay, and who hears of it. */
export interface ReplayOptions {
  readonly config: EtlConfig;
  readonly log: Logger;
  readonly clock: Clock;
  /** Messages that the stream took at this time or later, epoch ms. */
  readonly sinceMs: number;
}

/** What a replay would read. */
export interface ReplayPlan {
  readonly messages: number;
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** When the oldest message that the stream still holds came, epoch ms; null when it is empty. */
  readonly heldFromMs: number | null;
}

/** What a replay did; `stored` counts samples, `inserted` those that were missing. */
export interface ReplayResult extends ReplayPlan {
  readonly stored: number;
  readonly inserted: number;
}

/** Called now and then with how many messages are done. */
export type ReplayProgress = (done: number, plan: ReplayPlan) => void;

const FETCH_MESSAGES = 64;
const FETCH_MS = 2_000;
const READY_MS = 10_000;
const LOOK_MS = 50;

/** Reads what a replay would do, and changes nothing. @throws FiberError QUEUE_UNAVAILABLE */
export function planReplay(options: ReplayOptions): Promise<ReplayPlan> {
  return withQueue(options, (queue) => planOn(queue, options.sinceMs));
}

/**
 * Stores all samples of the messages since a time once more: known ones are left as they are, so
 * that it may be done again and beside writers at work.
 *
 * @throws FiberError QUEUE_UNAVAILABLE, DATABASE_UNAVAILABLE or INGEST_FENCED; what was done stays
 */
export async function replayStream(
  options: ReplayOptions,
  progress: ReplayProgress,
): Promise<ReplayResult> {
  const { config, log, clock } = options;
  let stored = 0;
  let inserted = 0;
  const writer = createWriter({
    config,
    log,
    clock,
    name: "fiber-replay",
    notesApplied: true,
    onStored(fresh, all) {
      inserted += fresh;
      stored += all;
    },
  });
  try {
    await whenReady(writer, clock);
    return await withQueue(options, async (queue) => {
      const plan = await planOn(queue, options.sinceMs);
      if (plan.messages > 0) await run({ queue, writer, log, plan, progress });
      return { ...plan, stored, inserted };
    });
  } finally {
    await writer.close();
  }
}

async function planOn(queue: Queue, sinceMs: number): Promise<ReplayPlan> {
  const info = await queue.jsm.streams.info(SAMPLES.stream);
  const { last_seq: lastSeq, messages, first_ts } = info.state;
  const firstSeq = await findSeqAt(queue, sinceMs, info);
  return {
    messages: messages === 0 ? 0 : Math.max(0, lastSeq - firstSeq + 1),
    firstSeq,
    lastSeq,
    heldFromMs: messages === 0 ? null : Date.parse(first_ts),
  };
}

async function run(work: {
  queue: Queue;
  writer: Writer;
  log: Logger;
  plan: ReplayPlan;
  progress: ReplayProgress;
}): Promise<void> {
  const { queue, plan, progress } = work;
  const added = await queue.jsm.consumers.add(SAMPLES.stream, {
    name: `fiber-replay-${process.pid}-${Date.now()}`,
    ack_policy: AckPolicy.None,
    deliver_policy: DeliverPolicy.StartSequence,
    opt_start_seq: plan.firstSeq,
    inactive_threshold: nanos(60_000),
  });
  try {
    const consumer = queue.js.consumers.getConsumerFromInfo(added);
    for (let reached = plan.firstSeq - 1; reached < plan.lastSeq; ) {
      const messages = await consumer.fetch({ max_messages: FETCH_MESSAGES, expires: FETCH_MS });
      const storing: Promise<void>[] = [];
      for await (const message of messages) {
        if (message.seq > plan.lastSeq) break;
        reached = message.seq;
        storing.push(store(message, work));
      }
      await Promise.all(storing);
      progress(reached - plan.firstSeq + 1, plan);
      if (queue.nc.isClosed()) throw unavailable();
      if (storing.length === 0) return;
    }
  } finally {
    await queue.jsm.consumers.delete(SAMPLES.stream, added.name).catch(() => false);
  }
}

async function store(
  message: JsMsg,
  { queue, writer, log }: { queue: Queue; writer: Writer; log: Logger },
): Promise<void> {
  const mark = { stream: queue.streamId, seq: message.seq, atMs: message.time.getTime() };
  const incoming = { data: message.data, mark, deliveries: 1 };
  const outcome = await storeMessage(incoming, { writer, js: queue.js, log });
  if (outcome.kind === "applied") return;
  const refusal = writer.refusal();
  throw new FiberError(
    refusal?.code ?? "DATABASE_UNAVAILABLE",
    `The replay stopped at message ${message.seq}: ${refusal?.message ?? "the database broke off"} ` +
      "What was stored stays; run the same command again.",
  );
}

async function whenReady(writer: Writer, clock: Clock): Promise<void> {
  const endMs = clock.now() + READY_MS;
  while (writer.refusal() !== null || writer.control() === null) {
    if (clock.now() > endMs) {
      const refusal = writer.refusal();
      throw new FiberError(
        refusal?.code ?? "DATABASE_UNAVAILABLE",
        refusal?.message ?? "The database cannot be reached: check FIBER_DATABASE_URL.",
      );
    }
    await clock.sleep(LOOK_MS);
  }
}

async function withQueue<T>(
  { config, log }: Pick<ReplayOptions, "config" | "log">,
  work: (queue: Queue) => Promise<T>,
): Promise<T> {
  const queue = await openQueue({ config, log, name: "fiber-replay", onBroken() {} });
  try {
    return await work(queue);
  } finally {
    await queue.end();
  }
}

function unavailable(): FiberError {
  return new FiberError(
    "QUEUE_UNAVAILABLE",
    "The connection to nats-server broke. What was stored stays; run the same command again.",
  );
}
