import {
  AckPolicy,
  type ConsumerInfo,
  DeliverPolicy,
  JetStreamApiCodes,
  type StoredMsg,
  type StreamInfo,
} from "@nats-io/jetstream";
import { nanos } from "@nats-io/transport-node";
import { FiberError } from "#contracts";
import {
  type AppliedRun,
  appliedFloor,
  type Db,
  forgetApplied,
  mergeApplied,
  noteGap,
  readApplied,
} from "#db";
import type { Logger } from "#runtime";
import { idOf, isApiError, type Queue } from "../queue/open-queue.js";
import { CONSUMER, SAMPLES } from "../queue/stream-names.js";

/** What the position is read from. */
export interface PositionOptions {
  readonly queue: Queue;
  readonly db: Db;
  readonly log: Logger;
}

/** A message is delivered again when nobody acknowledged it, or said that it is at work, for this long. */
export const ACK_WAIT_MS = 10_000;
/** Messages delivered to all writers together and not acknowledged yet. */
const MAX_ACK_PENDING = 2_000;

/**
 * Sees to it that writers continue where this database stands: the consumer is made where it is
 * missing, and made anew from the first message that is not applied when it acknowledged more than
 * the database holds (a restore). A message is acknowledged after its commit only, so in quiet
 * times the consumer is never ahead. Messages that are nowhere any more are noted as a gap.
 *
 * @throws FiberError STREAM_GONE when the stream is not the one that the connection was opened on
 */
export async function keepPosition(options: PositionOptions): Promise<void> {
  const { queue, db, log } = options;
  // In this order, because all of it moves on meanwhile: what is acknowledged was committed before;
  // what is applied was in the stream before; what was trimmed was applied before.
  const consumer = await findConsumer(queue);
  const applied = await readApplied(db, queue.streamId);
  const stream = await queue.jsm.streams.info(SAMPLES.stream);
  if (idOf(stream) !== queue.streamId) {
    throw new FiberError("STREAM_GONE", "The stream was deleted and made anew.");
  }
  if (!(await isSameLog(options, stream, applied.at(-1))))
    return replayAll(options, stream, applied);
  const runs = await readApplied(db, queue.streamId);
  const floor = await pastGaps(options, stream, runs);
  if (consumer === null) {
    await addConsumer(queue, floor + 1);
    log.info({ fromSeq: floor + 1 }, "reading the stream");
  } else if (consumer.ack_floor.stream_seq > floor && stream.state.last_seq > floor) {
    const next = await nextMessage(queue, floor + 1);
    if (next !== null && next.seq > floor + 1) {
      await gapBetween(options, runs, { first: floor + 1, next });
      return keepPosition(options);
    }
    const seqs = { fromSeq: floor + 1, acknowledgedSeq: consumer.ack_floor.stream_seq };
    log.warn(seqs, "the database is behind the stream: replaying");
    await deleteConsumer(queue);
    await addConsumer(queue, floor + 1);
  }
}

/** Whether an error of {@link keepPosition} means that the stream was deleted. */
export function isStreamGone(err: unknown): boolean {
  if (err instanceof FiberError) return err.code === "STREAM_GONE";
  return isApiError(err, JetStreamApiCodes.StreamNotFound);
}

/**
 * Whether the newest message that was applied is still the one under its number. A server that was
 * lost with what it had not synced gives these numbers to other messages.
 */
async function isSameLog(
  { queue }: PositionOptions,
  stream: StreamInfo,
  newest: AppliedRun | undefined,
): Promise<boolean> {
  if (newest === undefined || newest.lastSeq < stream.state.first_seq) return true;
  if (newest.lastSeq > stream.state.last_seq) return false;
  const message = await queue.jsm.streams.getMessage(SAMPLES.stream, { seq: newest.lastSeq });
  return message === null || Math.abs(message.time.getTime() - newest.lastAtMs) <= 1;
}

/** Starts over: every message that the stream holds is stored once more. */
async function replayAll(
  { queue, db, log }: PositionOptions,
  stream: StreamInfo,
  applied: readonly AppliedRun[],
): Promise<void> {
  const seqs = { appliedSeq: applied.at(-1)?.lastSeq, lastSeq: stream.state.last_seq };
  log.error(seqs, "the stream lost its newest messages: replaying all that it holds");
  await forgetApplied(db, queue.streamId);
  await deleteConsumer(queue);
  await addConsumer(queue, 1);
}

/** Up to where everything is applied, messages that are gone from the stream's start included. */
async function pastGaps(
  options: PositionOptions,
  stream: StreamInfo,
  runs: readonly AppliedRun[],
): Promise<number> {
  const { first_seq: firstSeq, last_seq: lastSeq, messages } = stream.state;
  const floor = appliedFloor(runs);
  const present = messages === 0 ? lastSeq + 1 : firstSeq;
  if (present <= floor + 1) return floor;
  const next = messages === 0 ? null : await nextMessage(options.queue, firstSeq);
  await gapBetween(options, runs, { first: floor + 1, next, last: present - 1 });
  return appliedFloor(await readApplied(options.db, options.queue.streamId));
}

/** Notes the holes between applied runs from `first` on, up to the next message there is. */
async function gapBetween(
  { queue, db, log }: PositionOptions,
  runs: readonly AppliedRun[],
  found: { first: number; next: StoredMsg | null; last?: number },
): Promise<void> {
  const last = found.last ?? (found.next === null ? found.first : found.next.seq - 1);
  const before = runs.filter((run) => run.firstSeq <= last);
  let firstSeq = found.first;
  let afterMs = before[0] !== undefined && before[0].firstSeq <= 1 ? before[0].lastAtMs : null;
  const ends = [...before.filter((run) => run.firstSeq > found.first), null];
  for (const run of ends) {
    const lastSeq = run === null ? last : run.firstSeq - 1;
    if (lastSeq >= firstSeq) {
      const beforeMs = found.next?.time.getTime() ?? null;
      const gap = { stream: queue.streamId, firstSeq, lastSeq, afterMs, beforeMs };
      if (await noteGap(db, gap)) {
        log.error(gap, "messages are gone before they were stored: their samples are missing");
      }
    }
    if (run !== null) {
      firstSeq = run.lastSeq + 1;
      afterMs = run.lastAtMs;
    }
  }
  await mergeApplied(db, queue.streamId);
}

async function nextMessage(queue: Queue, seq: number): Promise<StoredMsg | null> {
  return queue.jsm.direct.getMessage(SAMPLES.stream, { seq, next_by_subj: SAMPLES.subject });
}

async function findConsumer({ jsm }: Queue): Promise<ConsumerInfo | null> {
  try {
    return await jsm.consumers.info(SAMPLES.stream, CONSUMER);
  } catch (err) {
    if (isApiError(err, JetStreamApiCodes.ConsumerNotFound)) return null;
    throw err;
  }
}

async function deleteConsumer({ jsm }: Queue): Promise<void> {
  try {
    await jsm.consumers.delete(SAMPLES.stream, CONSUMER);
  } catch (err) {
    // Another writer saw the same and was faster.
    if (!isApiError(err, JetStreamApiCodes.ConsumerNotFound)) throw err;
  }
}

const CONSUMER_EXISTS = [10_012, 10_013, 10_105, 10_148];

async function addConsumer({ jsm }: Queue, fromSeq: number): Promise<void> {
  try {
    await jsm.consumers.add(SAMPLES.stream, {
      durable_name: CONSUMER,
      description: "fiber etl: writes samples into PostgreSQL",
      ack_policy: AckPolicy.Explicit,
      ack_wait: nanos(ACK_WAIT_MS),
      max_ack_pending: MAX_ACK_PENDING,
      max_deliver: -1,
      deliver_policy: DeliverPolicy.StartSequence,
      opt_start_seq: fromSeq,
    });
  } catch (err) {
    // Another writer made it, from where it saw this database: nothing that it skips is missing.
    if (!CONSUMER_EXISTS.some((code) => isApiError(err, code))) throw err;
  }
}
