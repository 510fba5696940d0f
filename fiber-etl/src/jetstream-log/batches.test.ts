import { expect, it } from "vitest";
import { makeSample } from "../ingest-log-conformance.itest-kit.js";
import { readMessage } from "../queue/message-format.js";
import { OVERLOADED, STORED } from "../writer/outcomes.js";
import { type Batch, createBatches, messageOf } from "./batches.js";

const trace = { requestId: "r", traceId: "t" };
const base = Date.now();

function sizeOf(batch: Batch): number {
  const message = readMessage(messageOf(batch));
  if (typeof message === "string") throw new Error(message);
  return message.rowCount;
}

/** Large enough that a few hundred fill a message. */
const bulky = (index: number) =>
  makeSample({ timeMs: base - index, metadata: `"${"x".repeat(4_000)}"` });

it("lets appends share a message, and settles each", async () => {
  const batches = createBatches();
  const appends = [1, 2, 3].map((i) =>
    batches.add([makeSample({ timeMs: base - i })], trace, base),
  );
  expect(batches.waitingRows()).toBe(3);
  const batch = batches.take();
  if (batch === undefined) throw new Error("nothing to take");
  expect(sizeOf(batch)).toBe(3);
  expect(batches.take()).toBeUndefined();
  expect({ depth: batches.depth(), oldest: batches.oldestMs() }).toEqual({
    depth: 3,
    oldest: base,
  });
  batches.settle(batch, STORED);
  expect(await Promise.all(appends)).toEqual([STORED, STORED, STORED]);
  expect([batches.depth(), batches.bytes(), batches.oldestMs()]).toEqual([0, 0, null]);
});

it("spreads a large append over several messages, and settles it with the last", async () => {
  const batches = createBatches();
  const samples = Array.from({ length: 200 }, (_, index) => bulky(index));
  let outcome: unknown;
  void batches.add(samples, trace, base).then((settled) => {
    outcome = settled;
  });
  const parts: Batch[] = [];
  for (let part = batches.take(); part !== undefined; part = batches.take()) parts.push(part);
  expect(parts.length).toBeGreaterThan(2);
  expect(parts.reduce((sum, part) => sum + sizeOf(part), 0)).toBe(200);
  for (const part of parts) {
    await Promise.resolve();
    expect(outcome).toBeUndefined();
    batches.settle(part, STORED);
  }
  await Promise.resolve();
  expect(outcome).toEqual(STORED);
  expect(batches.depth()).toBe(0);
});

it("refuses an append of which one message was refused, whatever became of the others", async () => {
  const batches = createBatches();
  const append = batches.add(
    Array.from({ length: 150 }, (_, index) => bulky(index)),
    trace,
    base,
  );
  const first = batches.take();
  if (first === undefined) throw new Error("nothing to take");
  batches.refuseWaiting(OVERLOADED);
  batches.settle(first, STORED);
  expect(await append).toEqual(OVERLOADED);
  expect(batches.depth()).toBe(0);
});
