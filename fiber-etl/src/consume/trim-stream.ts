import type { QueueConfig } from "../etl-config.js";
import { findSeqAt } from "../queue/find-seq.js";
import { idOf, type Queue } from "../queue/open-queue.js";
import { SAMPLES } from "../queue/stream-names.js";

/** What may leave the stream. */
export interface TrimOptions {
  /** The highest message up to which every one is applied. */
  readonly floor: number;
  readonly config: QueueConfig;
  readonly nowMs: number;
}

/** From this share of its size on, applied messages make room for new ones … */
const FULL_SHARE = 0.8;
/** … until this share is left. */
const TRIMMED_SHARE = 0.6;
const HOUR_MS = 3_600_000;

/**
 * Removes messages that are applied and older than the retention, and beyond that the oldest
 * applied ones while the stream is nearly full. A message that is not applied is never removed.
 *
 * @returns how many were removed
 */
export async function trimStream(queue: Queue, options: TrimOptions): Promise<number> {
  const { floor, config, nowMs } = options;
  const info = await queue.jsm.streams.info(SAMPLES.stream);
  const { first_seq: firstSeq, messages, bytes } = info.state;
  if (idOf(info) !== queue.streamId || messages === 0 || floor < firstSeq) return 0;
  const byAge = await findSeqAt(queue, nowMs - config.FIBER_QUEUE_HOURS * HOUR_MS, info);
  const maxBytes = info.config.max_bytes;
  const surplus = bytes > FULL_SHARE * maxBytes ? bytes - TRIMMED_SHARE * maxBytes : 0;
  const bySize = firstSeq + Math.ceil((surplus / bytes) * messages);
  const keepFrom = Math.min(floor + 1, Math.max(byAge, bySize));
  if (keepFrom <= firstSeq) return 0;
  const { purged } = await queue.jsm.streams.purge(SAMPLES.stream, { seq: keepFrom });
  return purged;
}
