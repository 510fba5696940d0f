import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { aggregatedSchema, clusterSchema, type SeriesView, seriesSchema } from "#contracts";
import { computeDueRollups, ensurePartitions } from "#db";
import { makeSample, startTestApi, type TestApi } from "./api.itest-kit.js";

const HOUR_MS = 3_600_000;
const NOW_MS = Date.UTC(2026, 4, 13, 10, 30);
const START_MS = NOW_MS - 30 * HOUR_MS;
const INTERVAL_MS = 60_000;
const clock = { now: () => NOW_MS, sleep: async () => {} };

let api: TestApi;
/** Latency of the round at a time: rises by the hour, 10 ms up every tenth round. */
const latencyAt = (ms: number) =>
  20 + Math.floor((ms - START_MS) / HOUR_MS) + ((ms / INTERVAL_MS) % 10 === 0 ? 10 : 0);

beforeAll(async () => {
  api = await startTestApi({ clock });
  await ensurePartitions(api.db.pool, { nowMs: NOW_MS });
  for (const [node_id, region] of [
    ["a", "Accra"],
    ["b", "Lagos"],
  ] as const) {
    await api.db.pool.query(
      "INSERT INTO nodes (node_id, country, region, interval_ms) VALUES ($1, 'GH', $2, $3)",
      [node_id, region, INTERVAL_MS],
    );
    const samples = [];
    for (let ms = START_MS; ms < NOW_MS; ms += INTERVAL_MS) {
      // Node a is silent from the tenth to the twelfth hour, and loses one round in twenty.
      const hour = (ms - START_MS) / HOUR_MS;
      if (node_id === "a" && hour >= 10 && hour < 12) continue;
      const lost = node_id === "a" && (ms / INTERVAL_MS) % 20 === 0;
      samples.push(
        makeSample({
          node_id,
          region,
          timestamp: ms,
          latency_ms: lost ? null : latencyAt(ms),
          uptime_pct: lost ? 0 : 100,
          packet_loss: lost ? 100 : 0,
        }),
      );
    }
    const headers = await api.bearer("probe", node_id);
    for (let i = 0; i < samples.length; i += 900) {
      const payload = samples.slice(i, i + 900);
      const answer = await api.app.inject({ method: "POST", url: "/api/push", headers, payload });
      expect(answer.json()).toEqual({ status: "accepted", data: { queued: payload.length } });
    }
  }
});
afterAll(() => api.close());

async function series(query: string): Promise<SeriesView> {
  const answer = await api.app.inject({ url: `/api/series?node_id=a&${query}` });
  expect(answer.statusCode, answer.body).toBe(200);
  return seriesSchema.parse(answer.json()).data;
}

describe("before anything is rolled up", () => {
  test("hours come from samples", async () => {
    const data = await series(`start=${START_MS}&end=${NOW_MS}&points=40`);
    expect(data).toMatchObject({ resolution: "hourly", bucket_s: 3600 });
    expect(data.points).toHaveLength(31);
    expect(data.points[1]).toMatchObject({ latency_median_ms: expect.any(Number) });
  });
});

describe("with rolled up hours", () => {
  beforeAll(async () => {
    await computeDueRollups(api.db.pool, NOW_MS);
  });

  test("hours are the same as before, the newest still from samples, gaps as gaps", async () => {
    const { rows } = await api.db.pool.query("SELECT count(*)::int AS n FROM rollup_hourly");
    expect(rows[0].n).toBeGreaterThan(50);
    const data = await series(`start=${START_MS}&end=${NOW_MS}&points=40`);
    expect(data.points).toHaveLength(31);
    const gap = data.points[11];
    expect(gap).toEqual({
      time: new Date(Math.floor(START_MS / HOUR_MS) * HOUR_MS + 11 * HOUR_MS).toISOString(),
      latency_min_ms: null,
      latency_median_ms: null,
      latency_p95_ms: null,
      latency_max_ms: null,
      loss_pct: null,
      availability_pct: null,
      coverage_pct: 0,
    });
    const full = data.points[5];
    expect(full?.coverage_pct).toBe(100);
    expect(full?.loss_pct).toBeCloseTo(5, 6);
    expect(full?.availability_pct).toBeCloseTo(95, 6);
    const last = data.points[30];
    expect(last?.latency_median_ms).not.toBeNull();
    expect(last?.coverage_pct).toBeCloseTo(100, 0);
  });

  test("narrow buckets are exact", async () => {
    const startMs = NOW_MS - 10 * INTERVAL_MS;
    const data = await series(`start=${startMs}&end=${NOW_MS}&points=10`);
    expect(data).toMatchObject({ resolution: "raw", bucket_s: 60 });
    expect(data.points.map((p) => p.latency_median_ms)).toEqual(
      Array.from({ length: 10 }, (_, i) => {
        const ms = startMs + i * INTERVAL_MS;
        return (ms / INTERVAL_MS) % 20 === 0 ? null : latencyAt(ms);
      }),
    );
  });

  test("days take what is rolled up and the rest from hours and samples", async () => {
    const data = await series(`start=${START_MS}&end=${NOW_MS}&points=2`);
    expect(data).toMatchObject({ resolution: "daily", bucket_s: 86_400 });
    expect(data.points).toHaveLength(2);
    const total = data.points.every((point) => point.latency_median_ms !== null);
    expect(total).toBe(true);
  });

  test("regions have the same figures raw and by the hour", async () => {
    const ask = async (query: string) => {
      const answer = await api.app.inject({ url: `/api/metrics/aggregated?${query}` });
      expect(answer.statusCode, answer.body).toBe(200);
      return aggregatedSchema.parse(answer.json()).data;
    };
    const startMs = NOW_MS - 5 * HOUR_MS - 30 * 60_000;
    const raw = await ask(`start=${startMs}&end=${NOW_MS}`);
    expect(raw.resolution).toBe("raw");
    expect(raw.groups.map((g) => [g.key, g.nodes, g.samples])).toEqual([
      ["Accra", 1, 330],
      ["Lagos", 1, 330],
    ]);
    expect(raw.groups[0]?.loss_pct).toBeCloseTo((100 * 17) / 330, 6);
    expect(raw.groups[1]?.coverage_pct).toBeCloseTo(100, 6);
    // Many more nodes would measure more than raw figures may read.
    await api.db.pool.query(
      `INSERT INTO nodes (node_id, country, region, interval_ms)
       SELECT 'silent-' || i, 'KE', 'Nairobi', 1000 FROM generate_series(1, 30) i`,
    );
    const hourly = await ask(`start=${startMs}&end=${NOW_MS}`);
    await api.db.pool.query("DELETE FROM nodes WHERE node_id LIKE 'silent-%'");
    expect(hourly.resolution).toBe("hourly");
    expect(hourly.groups[2]).toMatchObject({
      key: "Nairobi",
      nodes: 30,
      samples: 0,
      coverage_pct: 0,
    });
    for (const i of [0, 1]) {
      const [a, b] = [raw.groups[i], hourly.groups[i]];
      expect(b).toMatchObject({ key: a?.key, samples: a?.samples });
      for (const exact of [
        "latency_avg_ms",
        "latency_min_ms",
        "latency_max_ms",
        "loss_pct",
      ] as const) {
        expect(b?.[exact]).toBeCloseTo(a?.[exact] ?? Number.NaN, 6);
      }
      for (const near of ["latency_p50_ms", "latency_p95_ms"] as const) {
        expect(Math.abs((b?.[near] ?? 0) - (a?.[near] ?? 0))).toBeLessThan(6);
      }
    }
  });

  test("the cluster has summary, comparison, trend, regions and problems", async () => {
    const answer = await api.app.inject({
      url: `/api/metrics/cluster?start=${NOW_MS - 2 * HOUR_MS}&end=${NOW_MS}&top_n=1`,
    });
    expect(answer.statusCode, answer.body).toBe(200);
    const { data } = clusterSchema.parse(answer.json());
    expect(data.summary.samples).toBe(240);
    expect(data.previous.samples).toBe(240);
    expect(data.trend).toHaveLength(120);
    expect(data.trend[5]?.probes_reporting).toBe(2);
    expect(data.regions.map((r) => r.region)).toEqual(["Accra", "Lagos"]);
    expect(data.problems).toHaveLength(1);
  });

  test("a cluster window beyond 7 days is refused", async () => {
    const answer = await api.app.inject({
      url: `/api/metrics/cluster?start=${NOW_MS - 8 * 24 * HOUR_MS}&end=${NOW_MS}`,
    });
    expect([answer.statusCode, answer.json().code]).toEqual([400, "WINDOW_TOO_LARGE"]);
  });
});
