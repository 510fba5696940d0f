import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createTestDatabase, schemaText, type TestDatabase } from "#testkit";
import { ensurePartitions } from "../partitions/ensure-partitions.js";
import { downgrade, type MigrationStep, upgrade } from "./migrate.js";
import { plannedLoss } from "./planned-loss.js";
import { checkMigrations, currentRevision, history } from "./report.js";

let database: TestDatabase;
let folder: string;
beforeEach(async () => {
  database = await createTestDatabase({ template: null });
  folder = await mkdtemp(join(tmpdir(), "fiber-migrations-"));
});
afterEach(async () => {
  await database.drop();
  await rm(folder, { recursive: true, force: true });
});

const options = () => ({ connectionString: database.url, folder });
const file = (name: string, up: string, down: string, kind = "reversible: it is empty") =>
  writeFile(join(folder, name), `-- kind: ${kind}\n-- up\n${up}\n-- down\n${down}\n`);
const table = (name: string) =>
  [
    `CREATE TABLE ${name} (x int); COMMENT ON TABLE ${name} IS 'state: test';`,
    `DROP TABLE ${name};`,
  ] as const;
const query = <Row extends object>(sql: string) =>
  database.pool.query(sql).then((result) => result.rows as Row[]);
const exists = async (name: string) =>
  (await query<{ found: boolean }>(`SELECT to_regclass('${name}') IS NOT NULL AS found`))[0]?.found;

describe("the product's migrations", () => {
  const connectionString = () => database.url;

  it("give every table a class", async () => {
    await upgrade({ connectionString: connectionString() });
    const tables = await query<{ name: string; comment: string | null }>(
      `SELECT relname AS name, obj_description(oid, 'pg_class') AS comment
       FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')`,
    );
    expect(tables.map((row) => row.name)).toContain("fiber_migrations");
    for (const { name, comment } of tables) {
      expect(comment, name).toMatch(/^(state|append|derived|control): \S/);
    }
  });

  it("lead up, down and up again over data to the same schema, at every step", async () => {
    const { steps } = await upgrade({ connectionString: connectionString(), target: "head" });
    await downgrade({ connectionString: connectionString(), target: "base" });
    const schemas = [await schemaText(database.pool)];
    for (const { revision } of steps) {
      await upgrade({ connectionString: connectionString(), target: revision });
      schemas.push(await schemaText(database.pool));
    }
    await fill(database);
    const rows = await countRows(database);
    expect(rows).toMatchObject({ nodes: 2, series: 4, samples: 8 });
    const away = steps.map((step) => step.revision).reverse();
    for (const [at, revision] of away.entries()) {
      await downgrade({ connectionString: connectionString(), target: "-1" });
      expect(await schemaText(database.pool), `below ${revision}`).toBe(
        schemas[steps.length - 1 - at],
      );
    }
    await upgrade({ connectionString: connectionString() });
    expect(await schemaText(database.pool)).toBe(schemas.at(-1));
    await fill(database);
    expect(await countRows(database)).toEqual(rows);
  });

  it("state what going down loses, in rows", async () => {
    await upgrade({ connectionString: connectionString() });
    const empty = await plannedLoss({ connectionString: connectionString(), target: "base" });
    expect(empty.nothing).toBe(true);
    await fill(database);
    const loss = await plannedLoss({ connectionString: connectionString(), target: "base" });
    expect(loss.releases).toEqual(["dev"]);
    expect(loss.nothing).toBe(false);
    const counted = Object.fromEntries(loss.items.map((item) => [item.what, item.rows]));
    expect(counted).toEqual({ samples: 8, series: 4, access_tokens: 0, nodes: 2 });
    const reversible = await plannedLoss({ connectionString: connectionString(), target: "0002" });
    expect(reversible).toMatchObject({ items: [], nothing: true });
  });

  it("count what a way down drops for good although it is declared reversible", async () => {
    await upgrade({ connectionString: connectionString() });
    await fill(database);
    const lossTo = (target: string) =>
      plannedLoss({ connectionString: connectionString(), target });
    // A rollup whose samples have expired cannot be computed again; a newer one can.
    await database.pool.query(`
      INSERT INTO rollup_hourly (series_id, bucket, samples, answered, loss_pct, availability_pct, coverage_pct)
      SELECT 1, now() - d * interval '1 day', 6, 6, 0, 100, 100 FROM unnest(ARRAY[0, 30, 31]) d`);
    expect(await lossTo("0002")).toMatchObject({
      nothing: false,
      items: [{ revision: "0003", what: "rollup_hourly", rows: 2, estimated: false }],
    });
  });
});

describe("upgrade and downgrade", () => {
  it("count a reversible migration's own tables and columns, but neither derived nor control ones", async () => {
    const comment = (kind: string) => `COMMENT ON TABLE ${kind}s IS '${kind}: a test';`;
    await file(
      "0001_a.sql",
      `CREATE TABLE states (a int, b int); INSERT INTO states VALUES (1, 2), (1, NULL); ${comment("state")}
       CREATE TABLE deriveds AS SELECT 1 AS x; ${comment("derived")}
       CREATE TABLE controls AS SELECT 1 AS x; ${comment("control")}`,
      "ALTER TABLE states DROP COLUMN b; DROP TABLE deriveds, controls; UPDATE states SET a = 2;",
    );
    await upgrade(options());
    expect(await plannedLoss({ ...options(), target: "base" })).toMatchObject({
      nothing: false,
      items: [{ revision: "0001", what: "states.b", rows: 1 }],
    });
  });

  it("do nothing the second time", async () => {
    await file("0001_a.sql", ...table("a"));
    expect((await upgrade(options())).steps).toHaveLength(1);
    expect((await upgrade(options())).steps).toEqual([]);
    expect((await downgrade({ ...options(), target: "base" })).steps).toHaveLength(1);
    expect((await downgrade({ ...options(), target: "base" })).steps).toEqual([]);
  });

  it("tell each step before it and go where they are told", async () => {
    for (const name of ["a", "b", "c"]) {
      await file(`000${"abc".indexOf(name) + 1}_make_${name}.sql`, ...table(name));
    }
    const told: string[] = [];
    const onStep = (step: MigrationStep) =>
      told.push(`${step.direction} ${step.from} ${step.to} ${step.title}`);
    await upgrade({ ...options(), target: "+2", onStep });
    expect(await currentRevision(options())).toMatchObject({ revision: "0002", isHead: false });
    await upgrade({ ...options(), onStep });
    await downgrade({ ...options(), target: "0001", onStep });
    expect(told).toEqual([
      "upgrade null 0001 make a",
      "upgrade 0001 0002 make b",
      "upgrade 0002 0003 make c",
      "downgrade 0003 0002 make c",
      "downgrade 0002 0001 make b",
    ]);
    const entries = await history(options());
    expect(entries.map((entry) => [entry.revision, entry.isHead, entry.applied !== null])).toEqual([
      ["0003", true, false],
      ["0002", false, false],
      ["0001", false, true],
    ]);
  });

  it("change nothing on a dry run", async () => {
    await file("0001_a.sql", ...table("a"));
    const planned = await upgrade({ ...options(), dryRun: true });
    expect(planned.steps[0]?.sql).toContain("CREATE TABLE a");
    expect(await exists("a")).toBe(false);
    expect(await exists("fiber_migrations")).toBe(false);
    await upgrade(options());
    await downgrade({ ...options(), target: "base", dryRun: true });
    expect(await exists("a")).toBe(true);
  });

  it("leave nothing of a migration that fails, and say where it failed", async () => {
    await file("0001_a.sql", ...table("a"));
    await file(
      "0002_b.sql",
      "CREATE TABLE b (x int);\nINSERT INTO b\nVALUES ('no number');",
      "DROP TABLE b;",
    );
    await expect(upgrade(options())).rejects.toMatchObject({
      code: "MIGRATION_FAILED",
      message: expect.stringMatching(/0002 \(b\).*no number.*0002_b\.sql, line 5/),
    });
    expect(await exists("a")).toBe(true);
    expect(await exists("b")).toBe(false);
    expect(await currentRevision(options())).toEqual({
      revision: "0001",
      isHead: false,
      unfinished: null,
    });
  });

  it("take back what this release's files do not know, with the stored SQL", async () => {
    await file("0001_a.sql", ...table("a"));
    await file("0002_b.sql", ...table("b"));
    await upgrade({ ...options(), release: "v2" });
    await rm(join(folder, "0002_b.sql"));
    await expect(upgrade(options())).rejects.toMatchObject({
      code: "SCHEMA_AHEAD",
      message: expect.stringMatching(/0002 \(b\).*release v2.*fiber migrate downgrade 0001/),
    });
    expect(await checkMigrations(options())).toMatchObject({ kind: "ahead", current: "0002" });
    expect((await history(options()))[0]).toMatchObject({ revision: "0002", known: false });
    await downgrade({ ...options(), target: "0001" });
    expect(await exists("b")).toBe(false);
    expect(await checkMigrations(options())).toMatchObject({ kind: "fits" });
  });

  it.each(["up", "down"])("refuse when the %s part of a file was edited", async (part) => {
    await file("0001_a.sql", ...table("a"));
    await upgrade(options());
    const [up, down] = table("a");
    await file(
      "0001_a.sql",
      part === "up" ? `${up} -- more` : up,
      part === "up" ? down : `${down} --`,
    );
    await file("0002_b.sql", ...table("b"));
    await expect(upgrade(options())).rejects.toMatchObject({
      code: "MIGRATION_EDITED",
      message: expect.stringContaining(`its ${part} part was edited`),
    });
    expect(await exists("b")).toBe(false);
  });

  it("refuse when a file is missing, or two have one number", async () => {
    await file("0001_a.sql", ...table("a"));
    await file("0003_c.sql", ...table("c"));
    await expect(upgrade(options())).rejects.toMatchObject({
      code: "MIGRATION_MISSING",
      message: expect.stringContaining("Migration 0002 is missing"),
    });
    await file("0002_b.sql", ...table("b"));
    await file("0002_d.sql", ...table("d"));
    await expect(upgrade(options())).rejects.toMatchObject({ code: "MIGRATION_INVALID" });
  });

  it("refuse a record with a hole", async () => {
    await file("0001_a.sql", ...table("a"));
    await file("0002_b.sql", ...table("b"));
    await upgrade(options());
    await database.pool.query("DELETE FROM fiber_migrations WHERE revision = '0001'");
    await expect(upgrade(options())).rejects.toMatchObject({ code: "SCHEMA_INCONSISTENT" });
  });
});

/** Some rows in every table that has to survive, and one partition for the samples. */
async function fill({ pool }: TestDatabase): Promise<void> {
  await ensurePartitions(pool, { nowMs: Date.now() });
  await pool.query(`
    INSERT INTO nodes (node_id, country, region) VALUES ('a', 'GH', 'Accra'), ('b', 'NG', 'Lagos');
    INSERT INTO series (node_id, target, check_type)
      SELECT node_id, target, check_type FROM nodes, (VALUES ('', ''), ('x', 'tcp')) t (target, check_type);
    INSERT INTO samples (time, latency_ms, uptime_pct, packet_loss, series_id)
      SELECT now() - n * interval '1 second', 10, 100, 0, series_id FROM series, generate_series(0, 1) n;
  `);
}

async function countRows({ pool }: TestDatabase): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const name of ["nodes", "series", "samples"]) {
    const { rows } = await pool.query<{ n: number }>(`SELECT count(*)::int AS n FROM ${name}`);
    counts[name] = rows[0]?.n ?? -1;
  }
  return counts;
}
