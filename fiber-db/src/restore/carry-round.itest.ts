import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createTestDatabase, type TestDatabase } from "#testkit";
import { ensurePartitions } from "../partitions/ensure-partitions.js";
import { DAY_MS } from "../partitions/partition-days.js";
import { carryRound } from "./carry-round.js";
import type { CarryRound } from "./carry-types.js";
import { inSession, openSession, withSession } from "./session.js";

/** The live database with what came since, and the one that was restored beside it. */
let old: TestDatabase;
let now: TestDatabase;
const nowMs = Date.now();
beforeEach(async () => {
  old = await createTestDatabase();
  now = await createTestDatabase();
  for (const { pool } of [old, now]) {
    await ensurePartitions(pool, { nowMs });
    await pool.query("INSERT INTO nodes (node_id, country, region) VALUES ('n', 'GH', 'Accra')");
    await pool.query("INSERT INTO series (node_id, target, check_type) VALUES ('n', 'a', 'icmp')");
  }
});
afterEach(async () => {
  await old.drop();
  await now.drop();
});

async function carry(options: { since?: string } = {}): Promise<CarryRound> {
  const source = await openSession(old.url);
  try {
    return await withSession(now.url, (target) =>
      inSession(
        source,
        () =>
          inSession(target, () =>
            carryRound({
              source,
              target,
              since: options.since ?? null,
              leaveSuspect: false,
              nowMs,
            }),
          ),
        "BEGIN ISOLATION LEVEL REPEATABLE READ",
      ),
    );
  } finally {
    await source.close();
  }
}

const outcome = (round: CarryRound, table: string) =>
  round.tables.find((one) => one.table === table);
const bothDo = (sql: string) => Promise.all([old.pool.query(sql), now.pool.query(sql)]);
/** Samples under the names of their series. */
const named = async (database: TestDatabase) =>
  (
    await database.pool.query(
      "SELECT target, latency_ms::float8 AS latency FROM samples JOIN series USING (series_id) ORDER BY 1, 2",
    )
  ).rows;

describe("series that both databases numbered alike", () => {
  beforeEach(async () => {
    await old.pool.query(`
      INSERT INTO series (node_id, target, check_type) VALUES ('n', 'b', 'icmp'), ('n', 'c', 'icmp');
      INSERT INTO samples (series_id, time, latency_ms, uptime_pct, packet_loss)
      SELECT series_id, now(), series_id, 100, 0 FROM series`);
    await now.pool.query(
      "INSERT INTO series (node_id, target, check_type) VALUES ('n', 'd', 'tcp')",
    );
    await now.pool.query(`
      INSERT INTO samples (series_id, time, latency_ms, uptime_pct, packet_loss)
      VALUES (2, now(), 200, 100, 0)`);
  });

  it("are renumbered, and their samples follow them by name", async () => {
    const round = await carry();
    expect(outcome(round, "series")).toMatchObject({ carried: 2, refused: 0 });
    expect(outcome(round, "samples")).toMatchObject({ carried: 3, refused: 0 });
    expect(await named(now)).toEqual([
      { target: "a", latency: 1 },
      { target: "b", latency: 2 },
      { target: "c", latency: 3 },
      { target: "d", latency: 200 },
    ]);
  });

  it("keep their new numbers in later rounds, and no number is given out twice", async () => {
    const { horizon } = await carry();
    await old.pool.query(`
      INSERT INTO samples (series_id, time, latency_ms, uptime_pct, packet_loss)
      SELECT series_id, now(), 20, 100, 0 FROM series WHERE target = 'b'`);
    const round = await carry({ since: horizon });
    expect(outcome(round, "series")).toMatchObject({ carried: 0 });
    expect(outcome(round, "samples")).toMatchObject({ carried: 1 });
    expect((await named(now)).filter((row) => row.target === "b")).toEqual([
      { target: "b", latency: 2 },
      { target: "b", latency: 20 },
    ]);
    const { rows } = await now.pool.query(
      "INSERT INTO series (node_id, target, check_type) VALUES ('n', 'e', 'dns') RETURNING series_id",
    );
    const { rows: numbers } = await now.pool.query("SELECT max(series_id) AS max FROM series");
    expect(rows[0].series_id).toBe(numbers[0].max);
  });
});

describe("rows that the restored schema forbids", () => {
  it("are refused one by one, with the first reason; the others go over", async () => {
    await now.pool.query("ALTER TABLE samples ADD CHECK (latency_ms < 1000)");
    await old.pool.query(`
      INSERT INTO samples (series_id, time, latency_ms, uptime_pct, packet_loss)
      SELECT 1, now() + n * interval '1 ms', CASE WHEN n % 4 = 0 THEN 5000 ELSE n END, 100, 0
        FROM generate_series(1, 20) n`);
    const samples = outcome(await carry(), "samples");
    expect(samples).toMatchObject({ carried: 15, refused: 5 });
    expect(samples?.problem).toMatch(/violates check constraint/);
    expect(await named(now)).toHaveLength(15);
  });

  it("are refused in state tables too, where an older version stands", async () => {
    await now.pool.query("ALTER TABLE nodes ADD CHECK (region <> 'Nowhere')");
    await old.pool.query(`
      UPDATE nodes SET region = 'Nowhere', updated_at = now() + interval '1 s';
      INSERT INTO nodes (node_id, country, region) VALUES ('m', 'KE', 'Nairobi'), ('x', 'KE', 'Nowhere')`);
    const nodes = outcome(await carry(), "nodes");
    expect(nodes).toMatchObject({ carried: 1, refused: 1, newer: 0 });
    expect(nodes?.problem).toMatch(/violates check constraint/);
    const { rows } = await now.pool.query("SELECT node_id, region FROM nodes ORDER BY 1");
    expect(rows).toEqual([
      { node_id: "m", region: "Nairobi" },
      { node_id: "n", region: "Accra" },
    ]);
  });

  it("refuses a whole table that lacks what the restored schema demands, by the column's name", async () => {
    await now.pool.query("ALTER TABLE samples ADD COLUMN path text NOT NULL");
    await old.pool.query(`
      INSERT INTO samples (series_id, time, latency_ms, uptime_pct, packet_loss) VALUES (1, now(), 1, 100, 0)`);
    expect(outcome(await carry(), "samples")).toMatchObject({
      carried: 0,
      problem: "the old database has no column path",
    });
  });
});

describe("columns of another type", () => {
  it("are cast; values that do not fit are refused and counted, and the rest goes over", async () => {
    await old.pool.query(`
      INSERT INTO nodes (node_id, country, region, version)
      VALUES ('three', 'GH', 'Accra', '3'), ('word', 'GH', 'Accra', 'three'), ('none', 'GH', 'Accra', NULL)`);
    await now.pool.query("ALTER TABLE nodes ALTER COLUMN version TYPE int USING version::int");
    const nodes = outcome(await carry(), "nodes");
    expect(nodes).toMatchObject({ carried: 2, refused: 1 });
    expect(nodes?.problem).toMatch(/do not fit/);
    const { rows } = await now.pool.query(
      "SELECT node_id, version FROM nodes WHERE node_id <> 'n' ORDER BY 1",
    );
    expect(rows).toEqual([
      { node_id: "none", version: null },
      { node_id: "three", version: 3 },
    ]);
  });

  it("of samples are cast too", async () => {
    await now.pool.query("ALTER TABLE samples ALTER COLUMN latency_ms TYPE integer");
    await old.pool.query(`
      INSERT INTO samples (series_id, time, latency_ms, uptime_pct, packet_loss)
      VALUES (1, now(), 17, 100, 0), (1, now() - interval '1 s', 17.5, 100, 0)`);
    const samples = outcome(await carry(), "samples");
    expect(samples).toMatchObject({ carried: 1, refused: 1 });
    expect(await named(now)).toEqual([{ target: "a", latency: 17 }]);
  });
});

describe("rollups", () => {
  const rollup = (bucketMs: number, samples: number, series = 1) =>
    `INSERT INTO rollup_hourly (series_id, bucket, samples, answered, loss_pct, availability_pct, coverage_pct)
     VALUES (${series}, '${new Date(bucketMs).toISOString()}', ${samples}, ${samples}, 0, 100, 100)`;
  const hour = (daysAgo: number) => Math.floor((nowMs - daysAgo * DAY_MS) / 3_600_000) * 3_600_000;
  const stored = async () =>
    (
      await now.pool.query("SELECT bucket, samples FROM rollup_hourly ORDER BY bucket, series_id")
    ).rows.map((row) => [row.bucket.getTime(), row.samples]);

  it("whose samples have expired are carried over; those of kept samples are marked instead", async () => {
    await old.pool.query(rollup(hour(30), 11));
    await old.pool.query(rollup(hour(1), 12));
    await old.pool.query(`
      INSERT INTO samples (series_id, time, latency_ms, uptime_pct, packet_loss)
      VALUES (1, '${new Date(hour(1)).toISOString()}', 1, 100, 0)`);
    const round = await carry();
    expect(outcome(round, "rollup_hourly")).toMatchObject({ carried: 1, refused: 0 });
    expect(await stored()).toEqual([[hour(30), 11]]);
    const { rows } = await now.pool.query("SELECT bucket FROM rollup_due WHERE width = 'hourly'");
    expect(rows.map((row) => row.bucket.getTime())).toEqual([hour(1)]);
  });

  it("that the dump has stay as they are", async () => {
    await bothDo(rollup(hour(30), 11));
    await old.pool.query("UPDATE rollup_hourly SET samples = 99");
    expect(outcome(await carry(), "rollup_hourly")).toMatchObject({ carried: 0 });
    expect(await stored()).toEqual([[hour(30), 11]]);
  });

  it("follow a renumbered series", async () => {
    await old.pool.query(
      "INSERT INTO series (node_id, target, check_type) VALUES ('n', 'b', 'icmp')",
    );
    await now.pool.query(
      "INSERT INTO series (node_id, target, check_type) VALUES ('n', 'd', 'tcp')",
    );
    await old.pool.query(rollup(hour(40), 7, 2));
    await carry();
    const { rows } = await now.pool.query(
      "SELECT target, samples FROM rollup_hourly JOIN series USING (series_id)",
    );
    expect(rows).toEqual([{ target: "b", samples: 7 }]);
  });
});
