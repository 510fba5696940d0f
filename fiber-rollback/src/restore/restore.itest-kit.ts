import { type DbPool, dropDatabase, listDatabases, openSession } from "#db";
import { createBackup } from "../backup/create-backup.js";
import { createTestData, type TestData } from "../data.itest-kit.js";

/** Test data with a backup of it. */
export interface TestRestore extends TestData {
  readonly pool: DbPool;
  /** Path of the dump. */
  readonly dump: string;
  /** Rows of one query, each as JSON, for comparing. */
  rows(sql: string): Promise<readonly string[]>;
}

/** Samples with the names of their series instead of its number, in order: by key and by value. */
export const NAMED_SAMPLES = `
  SELECT s.node_id, s.target, s.check_type, m.time, m.latency_ms, m.uptime_pct, m.packet_loss,
         m.metadata
    FROM samples m JOIN series s USING (series_id) ORDER BY 1, 2, 3, 4`;

/** The rows of `wanted` that are not among `found`. */
export function missingFrom(
  found: readonly string[],
  wanted: readonly string[],
): readonly string[] {
  const there = new Set(found);
  return wanted.filter((row) => !there.has(row));
}

/** A migrated database with samples, and a dump of it. */
export async function createTestRestore(rows = 3_000): Promise<TestRestore> {
  const data = await createTestData(rows);
  const { path } = await createBackup(data.ports, { tag: "good" });
  return {
    ...data,
    dump: path,
    pool: data.database.pool,
    rows: async (sql) => {
      const { rows } = await data.database.pool.query(sql);
      return rows.map((row) => JSON.stringify(row));
    },
    async remove() {
      const session = await openSession(data.ports.admin);
      try {
        for (const { name } of await listDatabases(session, data.ports.database)) {
          if (name !== data.ports.database) await dropDatabase(session, name);
        }
      } finally {
        await session.close();
      }
      await data.remove();
    },
  };
}
