import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runAndKill } from "./kill-restore.itest-kit.js";
import { listQuarantines } from "./quarantine.js";
import {
  createTestRestore,
  missingFrom,
  NAMED_SAMPLES,
  type TestRestore,
} from "./restore.itest-kit.js";
import { findUnfinished, resumeRestore } from "./restore.js";

let data: TestRestore;
let before: readonly string[];
let late: readonly string[];
beforeEach(async () => {
  data = await createTestRestore();
  before = await data.rows(NAMED_SAMPLES);
  await data.pool.query(`
    UPDATE samples SET latency_ms = -1 WHERE series_id = 1;
    DELETE FROM samples WHERE series_id = 2;
    INSERT INTO series (node_id, target, check_type) VALUES ('probe-1', '203.0.113.9', 'icmp');
    INSERT INTO samples (series_id, time, latency_ms, uptime_pct, packet_loss)
      SELECT max(series_id), now() + n * interval '1 ms', n, 100, 0
        FROM series, generate_series(1, 500) n GROUP BY n`);
  late = (await data.rows(NAMED_SAMPLES)).filter((row) => row.includes("203.0.113.9"));
});
afterEach(() => data.remove());

const runChild = (what: string, killAt: string, afterMs?: number) =>
  runAndKill({
    url: data.database.url,
    stateDir: data.stateDir,
    what,
    killAt,
    ...(afterMs === undefined ? {} : { afterMs }),
  });

async function expectRestored() {
  expect(late).toHaveLength(500);
  const after = await data.rows(NAMED_SAMPLES);
  expect(missingFrom(after, before)).toEqual([]);
  expect(missingFrom(after, late)).toEqual([]);
  expect(after).toHaveLength(before.length + late.length);
  expect(await data.rows("SELECT FROM ingest_fence")).toEqual([]);
  expect(await data.rows("SELECT FROM pg_namespace WHERE nspname = 'fiber_restore'")).toEqual([]);
  expect(await listQuarantines(data.ports)).toHaveLength(1);
  expect(await findUnfinished(data.stateDir)).toBeNull();
}

describe("a restore whose process group is killed", () => {
  it("ends the same when it is killed before and after every step and resumed", async () => {
    const steps = ["beside", "carry", "fence", "switch", "lift", "report"];
    let what = data.dump;
    for (const killAt of steps.flatMap((step) => [`intent:${step}`, `done:${step}`])) {
      const { signal, said } = await runChild(what, killAt);
      expect({ killAt, signal, last: said.at(-1) }).toEqual({
        killAt,
        signal: "SIGKILL",
        last: killAt,
      });
      // Whatever the instant, readers find an open database under its name.
      expect(await data.rows("SELECT 1 FROM samples LIMIT 1")).toHaveLength(1);
      what = "resume";
    }
    await resumeRestore(data.ports);
    await expectRestored();
  }, 300_000);

  it.each([
    ["beside", 30],
    ["beside", 300],
    ["carry", 40],
    ["switch", 20],
    ["switch", 60],
    ["switch", 120],
  ])(
    "ends the same when it is killed in the middle of %s (after %i ms)",
    async (step, afterMs) => {
      const { signal, code } = await runChild(data.dump, `intent:${step}`, afterMs);
      // A machine faster than the delay has finished by itself.
      if (signal === "SIGKILL") {
        if ((await findUnfinished(data.stateDir)) !== null) await resumeRestore(data.ports);
      } else expect(code).toBe(0);
      await expectRestored();
    },
    120_000,
  );
});
