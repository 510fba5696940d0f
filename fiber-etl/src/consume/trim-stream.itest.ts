import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { EtlConfig } from "../etl-config.js";
import { type ScratchNats, startScratchNats } from "../nats-server/scratch-nats.itest-kit.js";
import { stageConfig, withQueue } from "../queue/queue-stage.itest-kit.js";
import { SAMPLES } from "../queue/stream-names.js";
import { trimStream } from "./trim-stream.js";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const HOUR_MS = 3_600_000;

let nats: ScratchNats;
let config: EtlConfig;
beforeEach(async () => {
  nats = await startScratchNats();
  const database = "postgres://nobody@127.0.0.1:1/none";
  config = stageConfig({ database, nats: nats.url }, { FIBER_QUEUE_MAX_MB: "1" });
});
afterEach(() => nats.remove());

/** Publishes messages, trims, and tells the numbers of what is left. */
function trimAfter(
  messages: number,
  bytes: number,
  trim: { floor: number; laterMs: number },
): Promise<readonly [first: number, last: number]> {
  return withQueue(config, async (queue) => {
    for (let index = 0; index < messages; index++) {
      await queue.js.publish(SAMPLES.subject, new Uint8Array(bytes));
    }
    await trimStream(queue, { floor: trim.floor, config, nowMs: Date.now() + trim.laterMs });
    const { state } = await queue.jsm.streams.info(SAMPLES.stream);
    return [state.first_seq, state.last_seq];
  });
}

it("keeps applied messages for the retention", async () => {
  expect(await trimAfter(10, 100, { floor: 10, laterMs: 23 * HOUR_MS })).toEqual([1, 10]);
});

it("removes applied messages beyond the retention, never one that is not applied", async () => {
  expect(await trimAfter(10, 100, { floor: 7, laterMs: 25 * HOUR_MS })).toEqual([8, 10]);
});

it("makes room while the stream is nearly full, of applied messages only", async () => {
  const [first, last] = await trimAfter(90, 10_000, { floor: 90, laterMs: 0 });
  expect(last).toBe(90);
  expect(first).toBeGreaterThan(20);
  expect(first).toBeLessThan(45);
});

it("removes nothing of a full stream that nobody reads", async () => {
  expect(await trimAfter(90, 10_000, { floor: 0, laterMs: 25 * HOUR_MS })).toEqual([1, 90]);
});
