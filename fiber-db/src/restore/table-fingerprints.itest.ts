import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createTestDatabase, type TestDatabase } from "#testkit";
import { inSession, openSession, type Session } from "./session.js";
import { findDamage, readFingerprints, type TableFingerprint } from "./table-fingerprints.js";

let database: TestDatabase;
let session: Session;
beforeAll(async () => {
  database = await createTestDatabase({ template: null });
  session = await openSession(database.url);
  await session.query(`
    CREATE TABLE readings (id int, value float8, note text, extra json);
    COMMENT ON TABLE readings IS 'append: what was measured';
    CREATE TABLE plain (id int, value float8);
    COMMENT ON TABLE plain IS 'append: hashed as records';
    CREATE TABLE people (id int, name text, seen timestamptz);
    COMMENT ON TABLE people IS 'state: who';
    CREATE TABLE sums (day date, total float8);
    COMMENT ON TABLE sums IS 'derived: computed';
    INSERT INTO readings SELECT n, n * 1.5, CASE WHEN n % 2 = 0 THEN 'even' END, '{"a": 1}'
      FROM generate_series(1, 100) n;
    INSERT INTO plain SELECT n, n FROM generate_series(1, 100) n;
    INSERT INTO people VALUES (1, 'Ama', now()), (2, 'Efua', now());
    INSERT INTO sums VALUES ('2026-11-22', 5)`);
});
afterAll(async () => {
  await session.close();
  await database.drop();
});

/** Runs a migration's SQL, tells what it damaged, and takes it back. */
async function damageOf(sql: string): Promise<readonly string[]> {
  await session.query("BEGIN");
  try {
    const before: readonly TableFingerprint[] = await readFingerprints(session);
    await session.query(sql);
    return (await findDamage(session, before)).map(({ table, what }) => `${table} ${what}`);
  } finally {
    await session.query("ROLLBACK");
  }
}

describe("what tables hold", () => {
  it("is read of append and state tables", async () => {
    const found = await inSession(session, () => readFingerprints(session));
    expect(found.map((one) => [one.table, one.rows, one.hash !== null])).toEqual([
      ["people", 2, false],
      ["plain", 100, true],
      ["readings", 100, true],
    ]);
  });

  it.each([
    ["DELETE FROM readings WHERE id <= 3", ["readings lost 3 of 100 rows"]],
    ["DELETE FROM people WHERE id = 1", ["people lost 1 of 2 rows"]],
    ["TRUNCATE plain", ["plain lost 100 of 100 rows"]],
    ["DROP TABLE readings", ["readings is gone with 100 rows"]],
    ["ALTER TABLE readings DROP COLUMN note", ["readings lost column note with 50 values"]],
    ["UPDATE readings SET note = NULL WHERE id = 2", ["readings lost 1 of 50 values of note"]],
    ["UPDATE readings SET value = value * 10", ["readings holds other values than before"]],
    ["UPDATE plain SET value = 0 WHERE id = 7", ["plain holds other values than before"]],
    [
      "DELETE FROM plain; INSERT INTO plain SELECT n, 0 FROM generate_series(1, 100) n",
      ["plain holds other values than before"],
    ],
  ])("is damaged by: %s", async (sql, expected) => {
    expect(await damageOf(sql)).toEqual(expected);
  });

  it.each([
    "ALTER TABLE readings ADD COLUMN unit text DEFAULT 'ms'",
    "INSERT INTO people VALUES (3, 'Kofi', now())",
    "UPDATE people SET name = 'Kojo' WHERE id = 1",
    "ALTER TABLE plain ALTER COLUMN id TYPE bigint",
    "TRUNCATE sums",
    "CREATE TABLE more (id int)",
    "CREATE INDEX ON readings (value); ANALYZE readings",
  ])("is not damaged by: %s", async (sql) => {
    expect(await damageOf(sql)).toEqual([]);
  });
});
