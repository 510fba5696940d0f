import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runCommand } from "#runtime";
import { createTestDatabase, requireTool, type TestDatabase } from "#testkit";
import { ensurePartitions } from "../partitions/ensure-partitions.js";
import { downgrade, upgrade } from "./migrate.js";
import { schemaFit } from "./schema-fit.js";

let database: TestDatabase;
beforeEach(async () => {
  database = await createTestDatabase();
});
afterEach(() => database.drop());

const look = () => schemaFit(database.pool);
const run = (sql: string) => database.pool.query(sql);
const move = (target: string) => ({ connectionString: database.url, target });

it("says that a migrated database fits, with its partitions and strangers' tables", async () => {
  await ensurePartitions(database.pool, { nowMs: Date.now() });
  await run("CREATE TABLE somebody_elses (x int)");
  const found = await look();
  expect(found).toEqual({ kind: "fits", current: found.head, head: found.head });
});

it("says that an empty or older database is behind, and what to do", async () => {
  await downgrade(move("0003"));
  expect(await look()).toMatchObject({
    kind: "behind",
    current: "0003",
    message: expect.stringContaining("fiber migrate upgrade head"),
  });
  await downgrade(move("base"));
  expect(await look()).toMatchObject({ kind: "behind", current: null });
  const empty = await createTestDatabase({ template: null });
  try {
    expect(await schemaFit(empty.pool)).toMatchObject({ kind: "behind", current: null });
  } finally {
    await empty.drop();
  }
});

it("never calls a database inconsistent that is only being migrated", async () => {
  const kinds = new Set<string>();
  let migrating = true;
  const looking = (async () => {
    while (migrating) kinds.add((await look()).kind);
  })();
  try {
    for (let round = 0; round < 3; round += 1) {
      await downgrade(move("base"));
      await upgrade(move("head"));
    }
  } finally {
    migrating = false;
    await looking;
  }
  expect([...kinds].filter((kind) => kind !== "fits" && kind !== "behind")).toEqual([]);
  expect(kinds).toContain("behind");
});

describe("finds a broken schema:", () => {
  it.each([
    ["a table that is gone", "DROP TABLE posture", "table posture is missing"],
    ["a column that is gone", "ALTER TABLE nodes DROP COLUMN region", "nodes lacks column region"],
    ["a column of another type", "ALTER TABLE nodes ALTER version TYPE varchar(9)", "nodes lacks"],
    ["a key that is gone", "ALTER TABLE series DROP CONSTRAINT series_pkey", "series_pkey"],
    ["an index that is gone", "DROP INDEX rollup_hourly_bucket", "rollup_hourly_bucket"],
    ["a table too many", "CREATE TABLE later (); COMMENT ON TABLE later IS 'state: x'", "later"],
    ["a record that was wiped", "DELETE FROM fiber_migrations", "should not be there"],
  ])("%s", async (_, damage, told) => {
    await run(damage);
    expect(await look()).toMatchObject({
      kind: "inconsistent",
      message: expect.stringContaining(told),
    });
  });

  it("samples whose days are detached", async () => {
    await ensurePartitions(database.pool, { nowMs: Date.now(), daysBack: 1, daysAhead: 1 });
    const { rows } = await database.pool.query<{ name: string }>(
      "SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'samples'::regclass",
    );
    const [first, ...rest] = rows.map((row) => `ALTER TABLE samples DETACH PARTITION ${row.name}`);
    await run(first ?? "");
    expect(await look()).toMatchObject({ kind: "fits" });
    await run(rest.join(";"));
    expect(await look()).toMatchObject({
      kind: "inconsistent",
      message: expect.stringContaining("is detached"),
    });
  });

  it.skipIf(!requireTool("pg_dump"))(
    "what pg_restore --clean of an older dump leaves",
    async () => {
      const folder = await mkdtemp(join(tmpdir(), "fiber-dump-"));
      try {
        await downgrade(move("0003"));
        const dump = join(folder, "old.dump");
        const dumped = await runCommand(["pg_dump", "-Fc", "-f", dump, database.url]);
        expect(dumped).toMatchObject({ exitCode: 0 });
        await upgrade(move("head"));
        await runCommand(["pg_restore", "--clean", "-d", database.url, dump]);
        expect(await look()).toMatchObject({
          kind: "inconsistent",
          current: "0003",
          message: expect.stringContaining("table posture should not be there"),
        });
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    },
  );
});
