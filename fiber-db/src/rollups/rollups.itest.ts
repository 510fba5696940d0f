import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createTestDatabase, type TestDatabase } from "#testkit";
import { inTransaction } from "../pool.js";
import { BUCKET_MS, firstOpenBucket, RETENTION_DAYS, ROLL_AFTER_MS } from "./buckets.js";
import { computeDueRollups } from "./compute-due-rollups.js";
import { dropExpiredRollups } from "./drop-expired-rollups.js";
import { markMissingRollups } from "./mark-missing-rollups.js";

const hour = Date.parse("2026-11-22T10:00:00Z");
const afterHour = hour + BUCKET_MS.hourly + ROLL_AFTER_MS;

let database: TestDatabase;
beforeEach(async () => {
  database = await createTestDatabase();
  await database.pool.query(`
    CREATE TABLE samples_all PARTITION OF samples DEFAULT;
    INSERT INTO nodes (node_id, country, region, interval_ms) VALUES ('n', 'GH', 'Accra', 10000);
    INSERT INTO series (node_id, target, check_type) VALUES ('n', 'a', 'icmp'), ('n', 'b', 'tcp')`);
});
afterEach(() => database.drop());

interface Row {
  readonly seriesId: number;
  readonly timeMs: number;
  readonly latencyMs: number | null;
  readonly minMs: number | null;
  readonly maxMs: number | null;
  readonly lossPct: number;
  readonly uptimePct: number;
}

async function store(rows: readonly Row[]): Promise<void> {
  for (const row of rows) {
    await database.pool.query(
      `INSERT INTO samples (series_id, time, latency_ms, latency_min_ms, latency_max_ms,
                            packet_loss, uptime_pct)
       VALUES ($1, to_timestamp($2::float8 / 1000), $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING`,
      [row.seriesId, row.timeMs, row.latencyMs, row.minMs, row.maxMs, row.lossPct, row.uptimePct],
    );
  }
}

async function readRollups(width: "hourly" | "daily"): Promise<readonly object[]> {
  const { rows } = await database.pool.query(
    `SELECT series_id, (extract(epoch FROM bucket) * 1000)::float8 AS bucket_ms, samples, answered,
            latency_min_ms, latency_avg_ms, latency_median_ms, latency_p95_ms, latency_max_ms,
            loss_pct, availability_pct, coverage_pct
       FROM rollup_${width} ORDER BY series_id, bucket`,
  );
  return rows;
}

/** The same figures, worked out the plain way from the samples of a bucket. */
function expected(rows: readonly Row[], widthMs: number): readonly object[] {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const bucketMs = Math.floor(row.timeMs / widthMs) * widthMs;
    const key = `${row.seriesId}|${bucketMs}`;
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  return [...groups].sort(byKey).map(([key, group]) => {
    const latencies = group.flatMap((row) => row.latencyMs ?? []);
    const lows = group.flatMap((row) => row.minMs ?? row.latencyMs ?? []);
    const highs = group.flatMap((row) => row.maxMs ?? row.latencyMs ?? []);
    const [seriesId, bucketMs] = key.split("|").map(Number);
    return {
      series_id: seriesId,
      bucket_ms: bucketMs,
      samples: group.length,
      answered: latencies.length,
      latency_min_ms: lows.length === 0 ? null : Math.min(...lows),
      latency_avg_ms: near(mean(latencies)),
      latency_median_ms: near(quantile(latencies, 0.5)),
      latency_p95_ms: near(quantile(latencies, 0.95)),
      latency_max_ms: highs.length === 0 ? null : Math.max(...highs),
      loss_pct: near(mean(group.map((row) => row.lossPct))),
      availability_pct: near(mean(group.map((row) => row.uptimePct))),
      coverage_pct: near(Math.min(100, (100 * group.length * 10_000) / widthMs)),
    };
  });
}

function byKey([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  const [seriesA = 0, bucketA = 0] = a.split("|").map(Number);
  const [seriesB = 0, bucketB = 0] = b.split("|").map(Number);
  return seriesA - seriesB || bucketA - bucketB;
}

function near(value: number | null): unknown {
  return value === null ? null : expect.closeTo(value, 6);
}

function mean(values: readonly number[]): number | null {
  return values.length === 0 ? null : values.reduce((sum, v) => sum + v, 0) / values.length;
}

function quantile(values: readonly number[], share: number): number | null {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (sorted.length - 1) * share;
  const low = sorted[Math.floor(at)];
  const high = sorted[Math.ceil(at)];
  return low === undefined || high === undefined ? null : low + (high - low) * (at % 1);
}

const latency = fc.option(fc.double({ min: 0, max: 60_000, noNaN: true }), { nil: null });
const rowArbitrary: fc.Arbitrary<Row> = fc.record({
  seriesId: fc.constantFrom(1, 2),
  timeMs: fc.integer({ min: hour - BUCKET_MS.hourly, max: hour + BUCKET_MS.hourly - 1 }),
  latencyMs: latency,
  minMs: latency,
  maxMs: latency,
  lossPct: fc.double({ min: 0, max: 100, noNaN: true }),
  uptimePct: fc.constantFrom(0, 100),
});
const rowsArbitrary = fc.uniqueArray(rowArbitrary, {
  selector: (row) => `${row.seriesId}|${row.timeMs}`,
  minLength: 1,
  maxLength: 30,
});

describe("computeDueRollups", () => {
  it("equals the plain computation, also after late and repeated samples", async () => {
    await fc.assert(
      fc.asyncProperty(rowsArbitrary, fc.nat(), async (rows, cut) => {
        await database.pool.query("TRUNCATE samples, rollup_hourly, rollup_daily, rollup_due");
        const early = rows.slice(0, cut % (rows.length + 1));
        await store(early);
        const span = { fromMs: hour - BUCKET_MS.hourly, toMs: hour + BUCKET_MS.hourly };
        await markMissingRollups(database.pool, { width: "hourly", ...span });
        await computeDueRollups(database.pool, afterHour);
        expect(await readRollups("hourly")).toEqual(expected(early, BUCKET_MS.hourly));
        await store(rows);
        await database.pool.query(
          `INSERT INTO rollup_due (width, bucket)
           SELECT DISTINCT 'hourly', date_trunc('hour', time, 'UTC') FROM samples
           UNION SELECT DISTINCT 'daily', date_trunc('day', time, 'UTC') FROM samples`,
        );
        await computeDueRollups(database.pool, afterHour + 2 * BUCKET_MS.daily);
        expect(await readRollups("hourly")).toEqual(expected(rows, BUCKET_MS.hourly));
        expect(await readRollups("daily")).toEqual(expected(rows, BUCKET_MS.daily));
      }),
      { numRuns: 25 },
    );
  });

  it("leaves a bucket alone until five minutes after its end", async () => {
    await database.pool.query("INSERT INTO rollup_due VALUES ('hourly', $1)", [new Date(hour)]);
    expect(await computeDueRollups(database.pool, afterHour - 1)).toEqual([]);
    expect(await computeDueRollups(database.pool, afterHour)).toEqual([
      { width: "hourly", bucketMs: hour },
    ]);
    expect(await computeDueRollups(database.pool, afterHour)).toEqual([]);
  });

  it("never misses a sample of a transaction that is still open", async () => {
    const row: Row = {
      seriesId: 1,
      timeMs: hour,
      latencyMs: 5,
      minMs: null,
      maxMs: null,
      lossPct: 0,
      uptimePct: 100,
    };
    await store([row]);
    await database.pool.query("INSERT INTO rollup_due VALUES ('hourly', $1)", [new Date(hour)]);
    let computing: Promise<unknown> = Promise.resolve();
    await inTransaction(database.pool, async (db) => {
      await db.query(
        "INSERT INTO samples (series_id, time, packet_loss, uptime_pct) VALUES (1, $1, 0, 100)",
        [new Date(hour + 1)],
      );
      await db.query(
        `INSERT INTO rollup_due VALUES ('hourly', $1)
         ON CONFLICT (width, bucket) DO UPDATE SET marks = rollup_due.marks + 1`,
        [new Date(hour)],
      );
      computing = computeDueRollups(database.pool, afterHour);
      // Long enough for the computation to reach the mark's row lock.
      await new Promise((resolve) => setTimeout(resolve, 300));
    });
    await computing;
    expect(await readRollups("hourly")).toMatchObject([{ samples: 2, answered: 1 }]);
  });
});

describe("markMissingRollups", () => {
  it("marks what was never computed, hour by hour, and only that", async () => {
    const span = { width: "hourly" as const, fromMs: hour - 2 * BUCKET_MS.hourly, toMs: hour };
    await database.pool.query(
      `INSERT INTO rollup_hourly (bucket, series_id, samples, answered, loss_pct, availability_pct,
                                  coverage_pct) VALUES ($1, 1, 1, 1, 0, 100, 1)`,
      [new Date(span.fromMs)],
    );
    expect(await markMissingRollups(database.pool, span)).toBe(1);
    expect(await markMissingRollups(database.pool, span)).toBe(0);
    const { rows } = await database.pool.query("SELECT bucket FROM rollup_due");
    expect(rows).toEqual([{ bucket: new Date(hour - BUCKET_MS.hourly) }]);
  });
});

describe("dropExpiredRollups", () => {
  it("keeps hours for 90 days and days for 365", async () => {
    const nowMs = hour;
    for (const width of ["hourly", "daily"] as const) {
      const cutoff = nowMs - RETENTION_DAYS[width] * BUCKET_MS.daily;
      for (const bucketMs of [cutoff - 1, cutoff]) {
        await database.pool.query(
          `INSERT INTO rollup_${width} (bucket, series_id, samples, answered, loss_pct,
             availability_pct, coverage_pct) VALUES ($1, 1, 1, 1, 0, 100, 1)`,
          [new Date(bucketMs)],
        );
      }
    }
    expect(await dropExpiredRollups(database.pool, nowMs)).toBe(2);
    expect(await readRollups("hourly")).toMatchObject([{ bucket_ms: hour - 90 * 86_400_000 }]);
    expect(await readRollups("daily")).toMatchObject([{ bucket_ms: hour - 365 * 86_400_000 }]);
  });
});

it("opens a bucket for computing exactly five minutes after its end", () => {
  expect(firstOpenBucket("hourly", afterHour - 1)).toBe(hour);
  expect(firstOpenBucket("hourly", afterHour)).toBe(hour + BUCKET_MS.hourly);
});
