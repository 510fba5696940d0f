import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createTestDatabase, type TestDatabase } from "#testkit";
import { createPool } from "../pool.js";
import { BACKUP_LOCK_KEY } from "./backup-running.js";
import { dropExpiredPartitions } from "./drop-expired-partitions.js";
import { ensurePartitions } from "./ensure-partitions.js";
import { DAY_MS } from "./partition-days.js";
import { listPartitions } from "./partition-state.js";

const now = Date.parse("2026-11-22T23:59:59.999Z");
let database: TestDatabase;
beforeEach(async () => {
  database = await createTestDatabase();
});
afterEach(() => database.drop());

async function tables(): Promise<readonly string[]> {
  return (await listPartitions(database.pool)).map((p) => `${p.table} ${p.state}`);
}

async function insert(timeMs: number): Promise<void> {
  await database.pool.query(
    "INSERT INTO samples (time, uptime_pct, packet_loss, series_id) VALUES ($1, 100, 0, 1)",
    [new Date(timeMs)],
  );
}

describe("ensurePartitions", () => {
  it("makes seven days back and ahead, once, with the table's key", async () => {
    const made = await ensurePartitions(database.pool, { nowMs: now });
    expect(made).toMatchObject({ kind: "done" });
    expect(await tables()).toHaveLength(15);
    expect(await ensurePartitions(database.pool, { nowMs: now })).toEqual({
      kind: "done",
      created: [],
    });
    expect(await ensurePartitions(database.pool, { nowMs: now + 1 })).toEqual({
      kind: "done",
      created: ["samples_20261130"],
    });
    await insert(now);
    await insert(now + 1);
    await expect(insert(now)).rejects.toMatchObject({ code: "23505" });
    const { rows } = await database.pool.query(
      "SELECT tableoid::regclass::text AS part FROM samples ORDER BY time",
    );
    expect(rows).toEqual([{ part: "samples_20261122" }, { part: "samples_20261123" }]);
  });

  it("bounds days in UTC when the session's zone is another", async () => {
    const pool = createPool({
      connectionString: `${database.url}?options=-c%20TimeZone%3DAmerica/New_York`,
      applicationName: "test",
      onError() {},
    });
    await pool.query("SET TimeZone = 'America/New_York'");
    await ensurePartitions(pool, { nowMs: now, daysBack: 0, daysAhead: 1 });
    await pool.end();
    await insert(now);
    await insert(now + 1);
    const { rows } = await database.pool.query("SELECT count(*)::int AS n FROM samples_20261122");
    expect(rows).toEqual([{ n: 1 }]);
  });

  it("neither waits for a reader nor lets a writer wait", async () => {
    await ensurePartitions(database.pool, { nowMs: now - DAY_MS });
    const reader = await database.pool.connect();
    await reader.query("BEGIN; SELECT count(*) FROM samples");
    const writer = await database.pool.connect();
    await writer.query("BEGIN");
    await writer.query(
      "INSERT INTO samples (time, uptime_pct, packet_loss, series_id) VALUES ($1, 1, 1, 1)",
      [new Date(now)],
    );
    expect(await ensurePartitions(database.pool, { nowMs: now })).toMatchObject({
      created: ["samples_20261129"],
    });
    await writer.query("COMMIT");
    await reader.query("COMMIT");
    writer.release();
    reader.release();
  });

  it("lets several make the same partitions at once", async () => {
    const makers = Array.from({ length: 4 }, () => ensurePartitions(database.pool, { nowMs: now }));
    for (const made of await Promise.all(makers)) expect(made.kind).toBe("done");
    expect(await tables()).toHaveLength(15);
  });

  it("attaches a table that an interrupted run left by itself", async () => {
    await database.pool.query("CREATE TABLE samples_20261122 (LIKE samples INCLUDING ALL)");
    await ensurePartitions(database.pool, { nowMs: now, daysBack: 0, daysAhead: 0 });
    expect(await tables()).toEqual(["samples_20261122 attached"]);
  });

  it("waits while a backup runs, unless told to go on", async () => {
    const dump = createPool({
      connectionString: database.url,
      applicationName: "pg_dump",
      onError() {},
    });
    await dump.query("SELECT 1");
    expect(await ensurePartitions(database.pool, { nowMs: now })).toEqual({
      kind: "backup-running",
    });
    expect(
      await ensurePartitions(database.pool, { nowMs: now, duringBackup: "go-on" }),
    ).toMatchObject({ kind: "done" });
    await dump.end();
  });
});

describe("dropExpiredPartitions", () => {
  beforeEach(async () => {
    await ensurePartitions(database.pool, { nowMs: now, daysBack: 9, daysAhead: 0 });
  });

  it("drops days that ended seven days ago, and not a day more", async () => {
    await insert(now - 8 * DAY_MS);
    expect(await dropExpiredPartitions(database.pool, { nowMs: now })).toEqual({
      kind: "done",
      dropped: ["samples_20261113", "samples_20261114"],
    });
    expect((await tables())[0]).toBe("samples_20261115 attached");
    expect(await dropExpiredPartitions(database.pool, { nowMs: now + 1 })).toEqual({
      kind: "done",
      dropped: ["samples_20261115"],
    });
  });

  it("keeps a day that a rollup waits for", async () => {
    const day = "2026-11-13T05:00:00Z";
    await database.pool.query("INSERT INTO rollup_due (width, bucket) VALUES ('hourly', $1)", [
      day,
    ]);
    expect(await dropExpiredPartitions(database.pool, { nowMs: now })).toMatchObject({
      dropped: ["samples_20261114"],
    });
    await database.pool.query("DELETE FROM rollup_due");
    expect(await dropExpiredPartitions(database.pool, { nowMs: now })).toMatchObject({
      dropped: ["samples_20261113"],
    });
  });

  it("gives up on a lock, leaves writers at work, and finishes the detach next time", async () => {
    const reader = await database.pool.connect();
    await reader.query("BEGIN; SELECT count(*) FROM samples");
    const result = await dropExpiredPartitions(database.pool, { nowMs: now });
    expect(result).toEqual({ kind: "locked", dropped: [], table: "samples_20261113" });
    await insert(now);
    await reader.query("COMMIT");
    reader.release();
    expect((await tables())[0]).toBe("samples_20261113 detaching");
    expect(await dropExpiredPartitions(database.pool, { nowMs: now })).toMatchObject({
      kind: "done",
      dropped: ["samples_20261113", "samples_20261114"],
    });
    expect((await tables())[0]).toBe("samples_20261115 attached");
  });

  it("drops a day that was detached already, and leaves other tables alone", async () => {
    await database.pool.query(`
      ALTER TABLE samples DETACH PARTITION samples_20261113;
      CREATE TABLE samples_20000101_copy (x int); CREATE TABLE samples_99999999 (x int)`);
    expect(await dropExpiredPartitions(database.pool, { nowMs: now })).toMatchObject({
      dropped: ["samples_20261113", "samples_20261114"],
    });
    const { rows } = await database.pool.query(
      "SELECT to_regclass('samples_20000101_copy') IS NOT NULL AS a, to_regclass('samples_99999999') IS NOT NULL AS b",
    );
    expect(rows).toEqual([{ a: true, b: true }]);
  });

  it("waits while a backup holds its lock", async () => {
    const backup = await database.pool.connect();
    await backup.query("SELECT pg_advisory_lock_shared($1)", [BACKUP_LOCK_KEY]);
    expect(await dropExpiredPartitions(database.pool, { nowMs: now })).toEqual({
      kind: "backup-running",
    });
    await backup.query("SELECT pg_advisory_unlock_shared($1)", [BACKUP_LOCK_KEY]);
    backup.release();
    expect(await dropExpiredPartitions(database.pool, { nowMs: now })).toMatchObject({
      kind: "done",
    });
  });
});
