import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Db, ensurePartitions } from "#db";
import { createLogger, systemClock } from "#runtime";
import { createTestDatabase, type TestDatabase } from "#testkit";
import { urlOfDatabase } from "./pg-tools.js";
import type { DataPorts } from "./ports.js";
import { noProgress } from "./progress.js";

/** A migrated database with samples, a state folder, and ports on both. */
export interface TestData {
  readonly database: TestDatabase;
  readonly ports: DataPorts;
  readonly stateDir: string;
  remove(): Promise<void>;
}

/** Ports on a database for tests; nothing is logged. */
export function testPorts(url: string, stateDir: string): DataPorts {
  return {
    stateDir,
    admin: urlOfDatabase(url, "postgres"),
    database: new URL(url).pathname.slice(1),
    log: createLogger({ role: "test", level: "silent" }),
    clock: systemClock,
    progress: noProgress,
  };
}

/** Clones a migrated database and stores `rows` samples of three series in it. */
export async function createTestData(rows = 3_000): Promise<TestData> {
  const database = await createTestDatabase();
  const stateDir = mkdtempSync(join(tmpdir(), "fiber-state-"));
  await fill(database.pool, rows);
  return {
    database,
    stateDir,
    ports: testPorts(database.url, stateDir),
    async remove() {
      await database.drop();
      rmSync(stateDir, { recursive: true, force: true });
    },
  };
}

/** Stores one node with three series and `rows` samples of the last hours. */
export async function fill(db: Db, rows: number): Promise<void> {
  await ensurePartitions(db, { nowMs: Date.now() });
  await db.query(`INSERT INTO nodes (node_id, country, region) VALUES ('probe-1', 'GH', 'Accra')`);
  await db.query(`
    INSERT INTO series (node_id, target, check_type)
    VALUES ('probe-1', '', ''), ('probe-1', '192.0.2.1', 'icmp'), ('probe-1', 'example.net:443', 'tls')`);
  await db.query(
    `INSERT INTO samples (series_id, time, latency_ms, uptime_pct, packet_loss, metadata)
     SELECT 1 + n % 3, now() - n * interval '1 second', 20 + n % 50 + n / 1e6, 100, 0,
            CASE WHEN n % 100 = 0 THEN '{"hop": 3}'::jsonb END
       FROM generate_series(1, $1::int) n`,
    [rows],
  );
}
