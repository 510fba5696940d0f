import { expect, test } from "vitest";
import { findQueueConcern, queueView } from "./queue-status.js";

const queue = {
  connected: true,
  consumers: 2,
  bytes: 10,
  maxBytes: 100,
  replayFromMs: 0,
  dead: 0,
  gap: { afterMs: null, beforeMs: 1_000 },
};

test("a stream is shown with its times as texts, and unknown ones as null", () => {
  expect(queueView(queue)).toEqual({
    connected: true,
    consumers: 2,
    bytes: 10,
    max_bytes: 100,
    replay_from: "1970-01-01T00:00:00.000Z",
    dead: 0,
    gap: { after: null, before: "1970-01-01T00:00:01.000Z" },
  });
  expect(queueView(null)).toBeNull();
});

test.each([
  ["no stream at all", undefined, null],
  ["one at work", queueView(queue), null],
  ["writers that cannot be counted", queueView({ ...queue, consumers: null }), null],
  ["nothing known yet", null, "QUEUE_UNAVAILABLE"],
  ["no connection", queueView({ ...queue, connected: false }), "QUEUE_UNAVAILABLE"],
  ["no writer", queueView({ ...queue, consumers: 0 }), "NO_WRITER"],
])("%s: %o", (_name, view, code) => {
  expect(findQueueConcern(view)?.code ?? null).toBe(code);
});
