import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  DEFAULT_THRESHOLDS,
  NODE_STATES,
  type NodeFacts,
  nodeState,
  type SeriesHealth,
  staleAfterMs,
} from "./node-state.js";

const NOW_MS = 1_800_000_000_000;
const series = (latencyMs: number | null, lossPct = 0): SeriesHealth => ({
  label: "target",
  latencyMs,
  lossPct,
  thresholds: DEFAULT_THRESHOLDS,
});
const facts = (all: readonly SeriesHealth[], silentMs = 0): NodeFacts => ({
  lastSeenMs: NOW_MS - silentMs,
  nowMs: NOW_MS,
  intervalMs: 10_000,
  series: all,
});

const anySeries = fc.record({
  latencyMs: fc.option(fc.double({ min: 0, max: 1_000, noNaN: true })),
  lossPct: fc.double({ min: 0, max: 100, noNaN: true }),
});

describe("limits", () => {
  test.each([
    [100, 0, "HEALTHY"],
    [100.1, 0, "DEGRADED"],
    [200, 0, "DEGRADED"],
    [200.1, 0, "CRITICAL"],
    [10, 1, "HEALTHY"],
    [10, 1.1, "DEGRADED"],
    [10, 5, "DEGRADED"],
    [10, 5.1, "CRITICAL"],
  ])("%d ms and %d %% loss is %s", (latencyMs, lossPct, state) => {
    expect(nodeState(facts([series(latencyMs, lossPct)])).state).toBe(state);
  });

  test("a series' own thresholds count", () => {
    const own = {
      ...series(300),
      thresholds: { ...DEFAULT_THRESHOLDS, degradedLatencyMs: 400, criticalLatencyMs: 500 },
    };
    expect(nodeState(facts([own])).state).toBe("HEALTHY");
  });

  test("the worst series decides, and is the reason", () => {
    const verdict = nodeState(facts([series(10), { ...series(250), label: "Lagos" }, series(150)]));
    expect(verdict).toEqual({ state: "CRITICAL", reason: "Lagos 250 ms" });
  });
});

describe("silence", () => {
  test.each([
    [1_000, 30_000],
    [10_000, 30_000],
    [60_000, 180_000],
  ])("interval %d ms is stale after %d ms", (intervalMs, staleMs) => {
    expect(staleAfterMs(intervalMs)).toBe(staleMs);
    const at = (silentMs: number) =>
      nodeState({ ...facts([series(10)], silentMs), intervalMs }).state;
    expect([at(staleMs), at(staleMs + 1)]).toEqual(["HEALTHY", "STALE"]);
  });

  test("a node that never reported is stale, and says so", () => {
    expect(nodeState({ ...facts([]), lastSeenMs: null })).toEqual({
      state: "STALE",
      reason: "never reported",
    });
  });

  test("silence goes before everything else", () => {
    expect(nodeState(facts([series(null, 100)], 31_000)).state).toBe("STALE");
  });
});

describe("properties", () => {
  const someSeries = fc
    .array(anySeries, { maxLength: 6 })
    .map((all) => all.map((s) => ({ ...series(s.latencyMs, s.lossPct) })));

  test("down exactly when something is measured and nothing answers", () => {
    fc.assert(
      fc.property(someSeries, (all) => {
        const down = all.length > 0 && all.every((s) => s.latencyMs === null);
        expect(nodeState(facts(all)).state === "DOWN").toBe(down);
      }),
    );
  });

  test("a reason is given exactly when the node is not healthy", () => {
    fc.assert(
      fc.property(someSeries, fc.nat(100_000), (all, silentMs) => {
        const { state, reason } = nodeState(facts(all, silentMs));
        expect(reason === null).toBe(state === "HEALTHY");
      }),
    );
  });

  test("more loss never makes a node better", () => {
    fc.assert(
      fc.property(anySeries, fc.double({ min: 0, max: 100, noNaN: true }), (s, more) => {
        const rank = (lossPct: number) =>
          NODE_STATES.indexOf(nodeState(facts([series(s.latencyMs ?? 10, lossPct)])).state);
        expect(rank(Math.min(100, s.lossPct + more))).toBeGreaterThanOrEqual(rank(s.lossPct));
      }),
    );
  });

  test("another healthy series never changes the verdict of answering ones", () => {
    fc.assert(
      fc.property(someSeries, (all) => {
        fc.pre(all.some((s) => s.latencyMs !== null));
        expect(nodeState(facts([...all, series(1)]))).toEqual(nodeState(facts(all)));
      }),
    );
  });
});
