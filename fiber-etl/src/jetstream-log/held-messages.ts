import type { AppliedRun } from "#db";
import type { Queue } from "../queue/open-queue.js";

/** A message that was acknowledged and is not known to be in the database. */
interface HeldMessage {
  readonly streamId: string;
  readonly seq: number;
  readonly message: Buffer;
}

/**
 * Messages kept in memory from their acknowledgement until the database has them, so that they can
 * be published again when the stream is deleted or comes back without its newest messages.
 */
export interface HeldMessages {
  add(held: HeldMessage): void;
  /** Drops what the database has. */
  dropApplied(streamId: string, runs: readonly AppliedRun[]): void;
  /** Takes out the messages that this stream does not hold. */
  takeLost(queue: Pick<Queue, "streamId" | "lastSeq">): readonly HeldMessage[];
  bytes(): number;
}

/** Makes empty {@link HeldMessages}; beyond `maxBytes` the oldest are let go. */
export function createHeldMessages(maxBytes: number): HeldMessages {
  let list: HeldMessage[] = [];
  let bytes = 0;

  function keep(wanted: (held: HeldMessage) => boolean): void {
    list = list.filter(wanted);
    bytes = list.reduce((sum, held) => sum + held.message.length, 0);
  }

  return {
    add(held) {
      list.push(held);
      bytes += held.message.length;
      if (bytes <= maxBytes) return;
      let dropped = 0;
      for (; bytes > maxBytes; dropped++) bytes -= list[dropped]?.message.length ?? bytes;
      list = list.slice(dropped);
    },
    dropApplied(streamId, runs) {
      if (list.length === 0 || runs.length === 0) return;
      const isApplied = ({ seq }: HeldMessage) =>
        runs.some((run) => run.firstSeq <= seq && seq <= run.lastSeq);
      keep((held) => held.streamId !== streamId || !isApplied(held));
    },
    takeLost({ streamId, lastSeq }) {
      const isLost = (held: HeldMessage) => held.streamId !== streamId || held.seq > lastSeq;
      const lost = list.filter(isLost);
      if (lost.length > 0) keep((held) => !isLost(held));
      return lost;
    },
    bytes: () => bytes,
  };
}
