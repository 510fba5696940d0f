import type { JetStreamClient } from "@nats-io/jetstream";
import { headers } from "@nats-io/transport-node";
import { DEAD } from "../queue/stream-names.js";
import type { MessageMark } from "../writer/group.js";

/** Why samples were put aside. */
export type DeadReason = "UNREADABLE" | "INVALID_SAMPLE" | "NODE_DELETED" | "UNDELIVERABLE";

/** Headers of a dead letter. */
export const DEAD_HEADERS = {
  reason: "Fiber-Reason",
  error: "Fiber-Error",
  seq: "Fiber-Seq",
  at: "Fiber-At",
} as const;

/** Samples to put aside: a message of their own, and where they came from. */
export interface DeadLetter {
  readonly data: Uint8Array;
  readonly mark: MessageMark;
  /** Tells the letters of one message apart. */
  readonly part: string;
  readonly reason: DeadReason;
  readonly error: string;
}

const MAX_ERROR_CHARS = 500;

/**
 * Puts samples into the dead-letter stream; the same part of the same message lies there once.
 *
 * @throws when it is not acknowledged; the message must then be tried again later
 */
export async function bury(js: JetStreamClient, letter: DeadLetter): Promise<void> {
  const { data, mark, part, reason, error } = letter;
  const head = headers();
  head.set(DEAD_HEADERS.reason, reason);
  head.set(DEAD_HEADERS.error, error.replace(/[^\x20-\x7e]/g, " ").slice(0, MAX_ERROR_CHARS));
  head.set(DEAD_HEADERS.seq, String(mark.seq));
  head.set(DEAD_HEADERS.at, new Date(mark.atMs).toISOString());
  await js.publish(DEAD.subject, data, {
    headers: head,
    msgID: `${mark.stream}/${mark.seq}/${part}`,
    expect: { streamName: DEAD.stream },
  });
}
