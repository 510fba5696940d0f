import type { QueueStatus, StatusView } from "#contracts";

type QueueView = StatusView["data"]["ingest"]["queue"];

/** What /api/status shows of the stream. */
export function queueView(queue: QueueStatus | null): NonNullable<QueueView> | null {
  if (queue === null) return null;
  const { connected, consumers, bytes, maxBytes, replayFromMs, dead, gap } = queue;
  return {
    connected,
    consumers,
    bytes,
    max_bytes: maxBytes,
    replay_from: timeOf(replayFromMs),
    dead,
    gap: gap === null ? null : { after: timeOf(gap.afterMs), before: timeOf(gap.beforeMs) },
  };
}

/** What is wrong with the stream and what to do; null when nothing is, or there is none. */
export function findQueueConcern(
  queue: QueueView,
): { readonly code: string; readonly message: string } | null {
  if (queue === undefined) return null;
  if (queue === null || !queue.connected) {
    return {
      code: "QUEUE_UNAVAILABLE",
      message: "Samples cannot be published: check nats-server and FIBER_NATS_URL",
    };
  }
  if (queue.consumers === 0) {
    return {
      code: "NO_WRITER",
      message: "No `fiber etl` process is at work: samples wait in the stream; start one",
    };
  }
  return null;
}

function timeOf(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}
