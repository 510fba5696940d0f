import { afterAll, beforeAll, expect, it } from "vitest";
import { createTestDatabase, type TestDatabase } from "#testkit";

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

it("gives every table a class", async () => {
  const { rows } = await database.pool.query<{ name: string; comment: string | null }>(
    `SELECT relname AS name, obj_description(oid, 'pg_class') AS comment
     FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')`,
  );
  expect(rows.map((row) => row.name)).toContain("fiber_migrations");
  for (const row of rows) {
    expect(row.comment, row.name).toMatch(/^(state|append|derived|control): \S/);
  }
});
