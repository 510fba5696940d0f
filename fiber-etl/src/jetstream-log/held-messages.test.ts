import { expect, it } from "vitest";
import { createHeldMessages } from "./held-messages.js";

const message = (size: number) => Buffer.alloc(size);

it("lets go of what the database has, of that stream only", () => {
  const held = createHeldMessages(1_000);
  for (const seq of [1, 2, 3, 4]) held.add({ streamId: "a", seq, message: message(10) });
  held.add({ streamId: "b", seq: 1, message: message(10) });
  held.dropApplied("a", [
    { firstSeq: 1, lastSeq: 2, lastAtMs: 0 },
    { firstSeq: 4, lastSeq: 9, lastAtMs: 0 },
  ]);
  expect(held.bytes()).toBe(20);
  const lost = held.takeLost({ streamId: "c", lastSeq: 0 });
  expect(lost.map(({ streamId, seq }) => [streamId, seq])).toEqual([
    ["a", 3],
    ["b", 1],
  ]);
  expect(held.bytes()).toBe(0);
});

it("tells what a stream does not hold: another stream's, and what is beyond its end", () => {
  const held = createHeldMessages(1_000);
  for (const seq of [5, 6, 7]) held.add({ streamId: "a", seq, message: message(1) });
  expect(held.takeLost({ streamId: "a", lastSeq: 7 })).toEqual([]);
  expect(held.takeLost({ streamId: "a", lastSeq: 5 }).map(({ seq }) => seq)).toEqual([6, 7]);
  expect(held.takeLost({ streamId: "a2", lastSeq: 7 }).map(({ seq }) => seq)).toEqual([5]);
});

it("holds no more than it may: the oldest go first", () => {
  const held = createHeldMessages(100);
  for (let seq = 1; seq <= 10; seq++) held.add({ streamId: "a", seq, message: message(30) });
  expect(held.bytes()).toBe(90);
  expect(held.takeLost({ streamId: "x", lastSeq: 0 }).map(({ seq }) => seq)).toEqual([8, 9, 10]);
});
