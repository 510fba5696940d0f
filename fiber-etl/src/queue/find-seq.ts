import type { StreamInfo } from "@nats-io/jetstream";
import type { Queue } from "./open-queue.js";
import { SAMPLES } from "./stream-names.js";

/**
 * The first message that the stream took at a time or later; one past its last when there is none.
 *
 * @param timeMs epoch ms
 */
export async function findSeqAt(queue: Queue, timeMs: number, info: StreamInfo): Promise<number> {
  const { first_seq: firstSeq, last_seq: lastSeq, messages } = info.state;
  let low = firstSeq;
  let high = messages === 0 ? firstSeq : lastSeq + 1;
  if (messages > 0 && Date.parse(info.state.first_ts) >= timeMs) return firstSeq;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const message = await queue.jsm.direct.getMessage(SAMPLES.stream, {
      seq: middle,
      next_by_subj: SAMPLES.subject,
    });
    if (message === null || message.time.getTime() >= timeMs) high = middle;
    else low = message.seq + 1;
  }
  return low;
}
