import { expect, test } from "vitest";
import { systemClock } from "#runtime";
import { missedBeats, startScheduler } from "./scheduler.js";

test.each([
  [0, 900, 0],
  [0, 1_000, 1],
  [0, 2_500, 2],
  [500, 400, 0],
])("due at %i, ended at %i: %i beats missed", (due, end, missed) => {
  expect(missedBeats(due, end, 1_000)).toBe(missed);
});

test("rounds never overlap; beats that pass meanwhile are skipped and counted", async () => {
  let running = 0;
  let most = 0;
  const skipped: number[] = [];
  const scheduler = startScheduler({
    intervalMs: 20,
    round: async () => {
      most = Math.max(most, ++running);
      await systemClock.sleep(70);
      running--;
    },
    sleep: systemClock.sleep,
    onSkipped: (beats) => skipped.push(beats),
    random: () => 0,
  });
  await systemClock.sleep(300);
  await scheduler.stop();
  expect(most).toBe(1);
  expect(skipped.length).toBeGreaterThan(0);
  expect(Math.min(...skipped)).toBeGreaterThanOrEqual(2);
  expect(scheduler.counts().skipped).toBe(skipped.reduce((a, b) => a + b, 0));
});

test("a stop ends the wait and lets a running round end", async () => {
  let ended = false;
  const scheduler = startScheduler({
    intervalMs: 60_000,
    round: async (signal) => {
      await systemClock.sleep(60_000, signal);
      ended = signal.aborted;
    },
    sleep: systemClock.sleep,
    onSkipped: () => undefined,
    random: () => 0,
  });
  await systemClock.sleep(20);
  await scheduler.stop();
  expect(ended).toBe(true);
});

test("another interval counts from the next round on", async () => {
  let rounds = 0;
  const scheduler = startScheduler({
    intervalMs: 60_000,
    round: async () => {
      rounds++;
    },
    sleep: systemClock.sleep,
    onSkipped: () => undefined,
    random: () => 0,
  });
  await systemClock.sleep(30);
  expect(rounds).toBe(1);
  scheduler.setInterval(10);
  await systemClock.sleep(200);
  await scheduler.stop();
  expect(rounds).toBeGreaterThan(3);
});
