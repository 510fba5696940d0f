import { expect, it } from "vitest";
import { type Clock, createLogger } from "#runtime";
import { runDuty } from "./run-duty.js";

const log = createLogger({ role: "test", level: "silent" });

/** A clock that passes at once what is slept, and says how long that was. */
function instantClock(onSleep: (ms: number, sleeps: number) => void): Clock {
  let sleeps = 0;
  return {
    now: () => 0,
    async sleep(ms) {
      onSleep(ms, ++sleeps);
    },
  };
}

it("starts again when its time has come, until it is aborted", async () => {
  const ending = new AbortController();
  const pauses: number[] = [];
  const clock = instantClock((ms, sleeps) => {
    pauses.push(ms);
    if (sleeps === 3) ending.abort();
  });
  let runs = 0;
  const work = async () => {
    runs++;
  };
  await runDuty({ name: "t", everyMs: 2_000, work }, { log, clock, signal: ending.signal });
  expect(runs).toBe(3);
  for (const pause of pauses) expect(pause).toBeLessThanOrEqual(2_000);
});

it("rests four times as long as it worked when that is longer than its interval", async () => {
  const ending = new AbortController();
  let pauseMs = 0;
  const clock = instantClock((ms) => {
    pauseMs = ms;
    ending.abort();
  });
  const work = () => new Promise<void>((resolve) => setTimeout(resolve, 30));
  await runDuty({ name: "t", everyMs: 1, work }, { log, clock, signal: ending.signal });
  expect(pauseMs).toBeGreaterThan(4 * 25);
});

it("backs off twice as long after each failure in a row, then starts over", async () => {
  const ending = new AbortController();
  const pauses: number[] = [];
  const clock = instantClock((ms, sleeps) => {
    pauses.push(ms);
    if (sleeps === 10) ending.abort();
  });
  let runs = 0;
  const work = async () => {
    if (++runs !== 9) throw new Error("the database is away");
  };
  await runDuty({ name: "t", everyMs: 0, work }, { log, clock, signal: ending.signal });
  expect(pauses.slice(0, 8)).toEqual([500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
  expect(pauses[9]).toBe(500);
});
