import { afterEach, beforeEach, expect, it } from "vitest";
import { createTestDatabase, type TestDatabase } from "#testkit";
import { evaluateNodeStates } from "./evaluate-node-states.js";
import { readPostureMemory } from "./posture-memory.js";

let database: TestDatabase;
const start = Date.parse("2026-11-22T12:00:00Z");

beforeEach(async () => {
  database = await createTestDatabase();
  await database.pool.query(`
    CREATE TABLE samples_all PARTITION OF samples DEFAULT;
    INSERT INTO nodes (node_id, country, region, interval_ms)
    VALUES ('gh', 'GH', 'Accra', 10000), ('ng', 'NG', 'Lagos', 10000);
    INSERT INTO series (node_id, target, check_type, thresholds) VALUES
      ('gh', '', '', '{}'), ('gh', 'router', 'icmp', '{}'),
      ('gh', 'far', 'tcp', '{"degraded_latency_ms": 300, "critical_latency_ms": 400}'),
      ('ng', '', '', '{}')`);
});
afterEach(() => database.drop());

/** Stores one round; latency null is a round without an answer. */
async function round(
  nodeId: string,
  target: string,
  at: { timeMs: number; latencyMs: number | null; lossPct?: number },
): Promise<void> {
  await database.pool.query(
    `INSERT INTO samples (series_id, time, latency_ms, packet_loss, uptime_pct)
     SELECT series_id, to_timestamp($3::float8 / 1000), $4::float8, $5,
            CASE WHEN $4::float8 IS NULL THEN 0 ELSE 100 END
       FROM series WHERE node_id = $1 AND target = $2`,
    [nodeId, target, at.timeMs, at.latencyMs, at.lossPct ?? (at.latencyMs === null ? 100 : 0)],
  );
}

async function states(): Promise<Readonly<Record<string, string>>> {
  const { rows } = await database.pool.query<{ node_id: string; state: string; why: string }>(
    "SELECT node_id, state, coalesce(state_reason, '') AS why FROM nodes ORDER BY node_id",
  );
  return Object.fromEntries(rows.map((row) => [row.node_id, `${row.state} ${row.why}`.trim()]));
}

it("grades nodes by their targets' last six rounds, by the nearest thresholds", async () => {
  await round("ng", "", { timeMs: start, latencyMs: 20 });
  for (let back = 0; back < 6; back++) {
    await round("gh", "router", { timeMs: start - back * 4_000, latencyMs: back < 3 ? 90 : 130 });
    await round("gh", "far", { timeMs: start - back * 4_000, latencyMs: 250 });
  }
  // Older than the last six: it counts no more.
  await round("gh", "router", { timeMs: start - 27_000, latencyMs: 9_000 });
  await evaluateNodeStates(database.pool, start);
  expect(await states()).toEqual({ gh: "DEGRADED router 110 ms", ng: "HEALTHY" });
  await database.pool.query(
    `UPDATE nodes SET thresholds = '{"degraded_latency_ms": 150}' WHERE node_id = 'gh'`,
  );
  const again = await evaluateNodeStates(database.pool, start + 1);
  expect(again.changedNodes).toEqual(["gh"]);
  expect(await states()).toMatchObject({ gh: "HEALTHY" });
});

it("tells down from stale, and judges a node without targets by its summary", async () => {
  await round("gh", "router", { timeMs: start, latencyMs: null });
  await round("gh", "", { timeMs: start, latencyMs: null });
  await round("ng", "", { timeMs: start, latencyMs: 250 });
  await evaluateNodeStates(database.pool, start);
  expect(await states()).toEqual({ gh: "DOWN nothing answers", ng: "CRITICAL summary 250 ms" });
  await evaluateNodeStates(database.pool, start + 30_001);
  expect(await states()).toEqual({
    gh: "STALE silent for 30 s",
    ng: "STALE silent for 30 s",
  });
});

it("leaves deleted nodes out", async () => {
  await database.pool.query("UPDATE nodes SET deleted_at = now()");
  const { changedNodes } = await evaluateNodeStates(database.pool, start);
  expect(changedNodes).toEqual([]);
  expect(await readPostureMemory(database.pool)).toMatchObject({ posture: "SECURED" });
});

it("moves state_since with the state only, and renews reasons when it is asked to", async () => {
  await evaluateNodeStates(database.pool, start);
  const since = "SELECT DISTINCT state_since FROM nodes";
  const before = (await database.pool.query(since)).rows;
  await round("gh", "", { timeMs: start - 60_000, latencyMs: 1 });
  await round("ng", "", { timeMs: start - 60_000, latencyMs: 1 });
  const kept = await evaluateNodeStates(database.pool, start, () => false);
  expect(kept.changedNodes).toEqual([]);
  const renewed = await evaluateNodeStates(database.pool, start, () => true);
  expect(renewed.changedNodes).toEqual(["gh", "ng"]);
  expect((await database.pool.query(since)).rows).toEqual(before);
  await round("gh", "", { timeMs: start, latencyMs: 1 });
  await evaluateNodeStates(database.pool, start);
  const { rows } = await database.pool.query("SELECT state_since FROM nodes WHERE node_id = 'gh'");
  expect(rows).toEqual([{ state_since: new Date(start) }]);
});

it("changes the posture after its hold, across restarts, as time passes", async () => {
  let nowMs = start;
  const healthy = async () => {
    await round("gh", "", { timeMs: nowMs, latencyMs: 1 });
    await round("ng", "", { timeMs: nowMs, latencyMs: 1 });
  };
  const evaluate = async () => {
    const { postureChanged } = await evaluateNodeStates(database.pool, nowMs);
    const memory = await readPostureMemory(database.pool);
    return `${memory?.posture} ${postureChanged ? "changed" : "same"}`;
  };
  await healthy();
  expect(await evaluate()).toBe("SECURED changed");
  nowMs += 31_000;
  expect(await evaluate()).toBe("SECURED same");
  nowMs += 9_999;
  expect(await evaluate()).toBe("SECURED same");
  nowMs += 1;
  expect(await evaluate()).toBe("COMPROMISED changed");
  const memory = await readPostureMemory(database.pool);
  expect(memory).toMatchObject({ sinceMs: nowMs, candidate: null });
  expect(memory?.reason).toMatch(/^gh: silent for/);
  for (let waited = 0; waited < 30_000; waited += 10_000) {
    await healthy();
    expect(await evaluate()).toBe("COMPROMISED same");
    nowMs += 10_000;
  }
  await healthy();
  expect(await evaluate()).toBe("SECURED changed");
});
