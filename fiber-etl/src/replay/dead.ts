import { FiberError } from "#contracts";
import type { Logger } from "#runtime";
import { DEAD_HEADERS } from "../consume/dead-letters.js";
import type { QueueConfig } from "../etl-config.js";
import { readMessage } from "../queue/message-format.js";
import { openQueue, type Queue } from "../queue/open-queue.js";
import { DEAD, SAMPLES } from "../queue/stream-names.js";

/** Samples that the database refused, as people look at them. */
export interface DeadEntry {
  readonly id: number;
  /** UNREADABLE, INVALID_SAMPLE, NODE_DELETED or UNDELIVERABLE. */
  readonly reason: string;
  readonly error: string;
  /** When the ingest log took them, ISO 8601. */
  readonly at: string;
  /** Message of the ingest log that they came in. */
  readonly seq: number;
  /** Null for a message that cannot be read. */
  readonly samples: number | null;
  readonly nodes: readonly string[];
}

/** Where the dead letters are. */
export interface DeadOptions {
  readonly config: QueueConfig;
  readonly log: Logger;
}

/** What became of dead letters that were put back; `skipped` cannot be read by any writer. */
export interface DeadReplay {
  readonly replayed: readonly number[];
  readonly skipped: readonly number[];
}

/** Dead letters, the oldest first, at most `limit`; and how many there are in all. */
export function listDead(
  options: DeadOptions,
  limit: number,
): Promise<{ readonly total: number; readonly entries: readonly DeadEntry[] }> {
  return withDead(options, async (queue) => {
    const { state } = await queue.jsm.streams.info(DEAD.stream);
    const entries: DeadEntry[] = [];
    for (let id = state.first_seq; id <= state.last_seq && entries.length < limit; id++) {
      const entry = await readDead(queue, id);
      if (entry !== null) entries.push(entry.entry);
    }
    return { total: state.messages, entries };
  });
}

/**
 * Puts dead letters back into the ingest log, after what made them fail was mended, and takes them
 * out of the dead-letter stream. What fails again comes back under a new id.
 *
 * @param ids which; null for all
 * @throws FiberError DEAD_NOT_FOUND
 */
export function replayDead(
  options: DeadOptions,
  ids: readonly number[] | null,
): Promise<DeadReplay> {
  return withDead(options, async (queue) => {
    const replayed: number[] = [];
    const skipped: number[] = [];
    for (const id of await chosen(queue, ids)) {
      const found = await mustRead(queue, id);
      if (found.entry.samples === null) {
        skipped.push(id);
        continue;
      }
      await queue.js.publish(SAMPLES.subject, found.data, {
        msgID: `dead/${queue.streamId}/${id}`,
        expect: { streamName: SAMPLES.stream },
      });
      await queue.jsm.streams.deleteMessage(DEAD.stream, id);
      replayed.push(id);
    }
    return { replayed, skipped };
  });
}

/**
 * Deletes dead letters for good.
 *
 * @param ids which; null for all
 * @throws FiberError DEAD_NOT_FOUND
 */
export function dropDead(
  options: DeadOptions,
  ids: readonly number[] | null,
): Promise<readonly number[]> {
  return withDead(options, async (queue) => {
    const all = await chosen(queue, ids);
    for (const id of all) await mustRead(queue, id);
    for (const id of all) await queue.jsm.streams.deleteMessage(DEAD.stream, id);
    return all;
  });
}

async function chosen(queue: Queue, ids: readonly number[] | null): Promise<readonly number[]> {
  if (ids !== null) return [...new Set(ids)];
  const { state } = await queue.jsm.streams.info(DEAD.stream);
  const all: number[] = [];
  for (let id = state.first_seq; id <= state.last_seq; id++) {
    if ((await readDead(queue, id)) !== null) all.push(id);
  }
  return all;
}

interface Found {
  readonly entry: DeadEntry;
  readonly data: Uint8Array;
}

async function mustRead(queue: Queue, id: number): Promise<Found> {
  const found = await readDead(queue, id);
  if (found !== null) return found;
  throw new FiberError("DEAD_NOT_FOUND", `No dead letter ${id}. See: fiber etl dead list`);
}

async function readDead(queue: Queue, id: number): Promise<Found | null> {
  const stored = await queue.jsm.streams.getMessage(DEAD.stream, { seq: id });
  if (stored === null) return null;
  const { header, data } = stored;
  const message = readMessage(data);
  const readable = typeof message !== "string";
  return {
    data,
    entry: {
      id,
      reason: header.get(DEAD_HEADERS.reason),
      error: header.get(DEAD_HEADERS.error),
      at: header.get(DEAD_HEADERS.at),
      seq: Number(header.get(DEAD_HEADERS.seq)),
      samples: readable ? message.rowCount : null,
      nodes: readable ? [...new Set(message.series.map(({ nodeId }) => nodeId))] : [],
    },
  };
}

async function withDead<T>(
  { config, log }: DeadOptions,
  work: (queue: Queue) => Promise<T>,
): Promise<T> {
  const queue = await openQueue({ config, log, name: "fiber-dead", onBroken() {} });
  try {
    return await work(queue);
  } finally {
    await queue.end();
  }
}
