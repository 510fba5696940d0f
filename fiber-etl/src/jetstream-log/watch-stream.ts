import type { QueueStatus } from "#contracts";
import { type AppliedRun, appliedFloor, countWriters, type Db, listGaps, readApplied } from "#db";
import type { Clock, Logger } from "#runtime";
import { findStream, idOf, type Queue } from "../queue/open-queue.js";
import { DEAD, SAMPLES } from "../queue/stream-names.js";

/** What is looked at, and who is told. */
export interface StreamWatchOptions {
  readonly queue: () => Queue | null;
  readonly db: () => Db | null;
  readonly clock: Clock;
  readonly log: Logger;
  readonly onApplied: (streamId: string, runs: readonly AppliedRun[]) => void;
  /** The stream that the connection was opened on is not there any more. */
  readonly onLost: (queue: Queue, error: Error) => void;
}

/** What was seen last. */
export interface StreamView {
  /** Messages in the stream that the database does not have. */
  readonly depth: number;
  /** When the oldest of them came, epoch ms. */
  readonly oldestMs: number | null;
  readonly queue: Omit<QueueStatus, "connected">;
}

const POLL_MS = 500;

/** Looks at stream and database twice a second until aborted; `view` is null at first. */
export function watchStream(
  options: StreamWatchOptions,
  signal: AbortSignal,
): { view(): StreamView | null; readonly ended: Promise<void> } {
  const { clock, log } = options;
  let view: StreamView | null = null;
  let floor = { streamId: "", seq: 0 };
  let consumers: number | null = null;
  let gap: QueueStatus["gap"] = null;
  let troubled = "";

  async function readDatabase(db: Db, streamId: string): Promise<void> {
    const runs = await readApplied(db, streamId);
    options.onApplied(streamId, runs);
    floor = { streamId, seq: appliedFloor(runs) };
    consumers = await countWriters(db);
    const [newest] = await listGaps(db);
    gap = newest === undefined ? null : { afterMs: newest.afterMs, beforeMs: newest.beforeMs };
  }

  async function look(queue: Queue): Promise<void> {
    const stream = await findStream(queue.jsm, SAMPLES.stream);
    if (stream === null || idOf(stream) !== queue.streamId) {
      options.onLost(queue, new Error("the stream was deleted"));
      return;
    }
    if (floor.streamId !== queue.streamId) floor = { streamId: queue.streamId, seq: 0 };
    const db = options.db();
    if (db === null) consumers = null;
    else await readDatabase(db, queue.streamId);
    const { first_seq: firstSeq, last_seq: lastSeq, messages, bytes, first_ts } = stream.state;
    const nextSeq = Math.max(floor.seq + 1, firstSeq);
    const depth = messages === 0 ? 0 : Math.max(0, lastSeq - nextSeq + 1);
    const oldest =
      depth === 0 ? null : await queue.jsm.streams.getMessage(SAMPLES.stream, { seq: nextSeq });
    const dead = await findStream(queue.jsm, DEAD.stream);
    view = {
      depth,
      oldestMs: oldest?.time.getTime() ?? null,
      queue: {
        consumers,
        bytes,
        maxBytes: stream.config.max_bytes,
        replayFromMs: messages === 0 ? null : Date.parse(first_ts),
        dead: dead?.state.messages ?? 0,
        gap,
      },
    };
  }

  async function run(): Promise<void> {
    while (!signal.aborted) {
      const queue = options.queue();
      try {
        if (queue !== null) await look(queue);
        troubled = "";
      } catch (err) {
        const { message } = err as Error;
        // Whoever holds queue and database notices by itself that they are gone.
        if (message !== troubled) log.debug({ err }, "the stream's state cannot be read");
        troubled = message;
      }
      await clock.sleep(POLL_MS, signal);
    }
  }

  return { view: () => view, ended: run() };
}
