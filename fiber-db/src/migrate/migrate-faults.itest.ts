import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { packageRoot } from "#runtime";
import { createTestDatabase, type TestDatabase } from "#testkit";
import { downgrade, upgrade } from "./migrate.js";
import { checkMigrations, currentRevision } from "./report.js";

let database: TestDatabase;
let folder: string;
let others: pg.Client[];
let children: ChildProcess[];
beforeEach(async () => {
  database = await createTestDatabase({ template: null });
  folder = await mkdtemp(join(tmpdir(), "fiber-migrations-"));
  others = [];
  children = [];
});
afterEach(async () => {
  for (const child of children) child.kill("SIGKILL");
  await Promise.all(others.map((client) => client.end()));
  await database.drop();
  await rm(folder, { recursive: true, force: true });
});

const options = () => ({ connectionString: database.url, folder });
const file = (name: string, up: string, down: string, mark = "") =>
  writeFile(
    join(folder, name),
    `-- kind: reversible: a test\n${mark}-- up\n${up}\n-- down\n${down}\n`,
  );
const table = () => file("0001_a.sql", "CREATE TABLE a (x int);", "DROP TABLE a;");
const index = (sql = "CREATE INDEX CONCURRENTLY a_x ON a (x);") =>
  file("0002_a_x.sql", sql, "DROP INDEX CONCURRENTLY a_x;", "-- transaction: none\n");

/** Another program's session. */
async function session(applicationName: string): Promise<pg.Client> {
  const client = new pg.Client({
    connectionString: database.url,
    application_name: applicationName,
  });
  client.on("error", () => {});
  await client.connect();
  others.push(client);
  return client;
}

async function eventually(what: string, sql: string): Promise<void> {
  for (let tries = 0; tries < 300; tries += 1) {
    const { rows } = await database.pool.query<{ yes: boolean }>(`SELECT (${sql}) AS yes`);
    if (rows[0]?.yes) return;
    await sleep(50);
  }
  throw new Error(`never happened: ${what}`);
}

/** A migrating process that can be killed. */
function migrator(call: string): ChildProcess {
  const script = `import { upgrade, downgrade } from "#db"; await ${call}`;
  const child = spawn(
    process.execPath,
    ["--import", "tsx", "--conditions=source", "--input-type=module", "-e", script],
    { cwd: packageRoot, stdio: ["ignore", "ignore", "inherit"] },
  );
  children.push(child);
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
}

const indexIs = (valid: boolean) =>
  `EXISTS (SELECT FROM pg_index WHERE indexrelid = to_regclass('a_x') AND indisvalid = ${valid})`;

describe("a migration that meets others", () => {
  it("gives up a lock in time and names who held it", async () => {
    await table();
    await upgrade(options());
    await file("0002_b.sql", "ALTER TABLE a ADD y int;", "ALTER TABLE a DROP y;");
    const report = await session("a-long-report");
    await report.query("BEGIN; SELECT count(*) FROM a");
    const { rows } = await report.query<{ pid: number }>("SELECT pg_backend_pid() AS pid");
    await expect(upgrade({ ...options(), lockTimeoutMs: 1_500 })).rejects.toMatchObject({
      code: "LOCK_TIMEOUT",
      message: expect.stringMatching(
        new RegExp(`session ${rows[0]?.pid} \\(a-long-report, idle in transaction.*pg_backend_pid`),
      ),
    });
    expect(await currentRevision(options())).toMatchObject({ revision: "0001" });
    await report.query("COMMIT");
    await upgrade(options());
    expect(await checkMigrations(options())).toMatchObject({ kind: "fits" });
  });

  it("is run once by two migrators at once", async () => {
    await table();
    await file("0002_b.sql", "INSERT INTO a SELECT 1 FROM pg_sleep(0.3);", "DELETE FROM a;");
    const results = await Promise.all([upgrade(options()), upgrade(options()), upgrade(options())]);
    expect(results.map((result) => result.steps.length).sort()).toEqual([0, 0, 2]);
    const { rows } = await database.pool.query<{ n: number }>("SELECT count(*)::int AS n FROM a");
    expect(rows[0]?.n).toBe(1);
  });

  it("keeps a second migrator out, which names the first", async () => {
    await table();
    await upgrade(options());
    await file("0002_b.sql", "ALTER TABLE a ADD y int;", "ALTER TABLE a DROP y;");
    const report = await session("a-long-report");
    await report.query("BEGIN; SELECT count(*) FROM a");
    const first = upgrade({ ...options(), lockTimeoutMs: 30_000 });
    await eventually("the first waits", `EXISTS (SELECT FROM pg_locks WHERE NOT granted)`);
    const { rows } = await database.pool.query<{ pid: number }>(
      "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND classid = x'46494252'::int::oid",
    );
    const holders = rows.map((row) => row.pid);
    const second = await upgrade({ ...options(), waitMs: 300 }).catch((cause: unknown) => cause);
    expect(second).toMatchObject({ code: "MIGRATION_LOCKED" });
    const named = Number(/session (\d+) \(fiber-migrate/.exec((second as Error).message)?.[1]);
    expect(holders).toContain(named);
    await report.query("COMMIT");
    expect((await first).to).toBe("0002");
  });

  it("is tried again when the server chose it to end a deadlock", async () => {
    await file("0001_a.sql", "CREATE TABLE a (); CREATE TABLE b ();", "DROP TABLE a, b;");
    await upgrade(options());
    await file(
      "0002_c.sql",
      "LOCK TABLE a; SELECT pg_sleep(1); LOCK TABLE b; CREATE TABLE c ();",
      "DROP TABLE c;",
    );
    const client = await session("traffic");
    await client.query("SET deadlock_timeout = '60s'; BEGIN; LOCK TABLE b IN ACCESS SHARE MODE");
    const migrating = upgrade({ ...options(), lockTimeoutMs: 30_000 });
    await eventually(
      "the migration holds a",
      `EXISTS (SELECT FROM pg_locks WHERE relation = 'a'::regclass AND mode = 'AccessExclusiveLock' AND granted)`,
    );
    await client.query("LOCK TABLE a IN ACCESS SHARE MODE; COMMIT");
    expect((await migrating).to).toBe("0002");
    await eventually(
      "the server ended a deadlock",
      "SELECT deadlocks > 0 FROM pg_stat_database WHERE datname = current_database()",
    );
  });
});

describe("a migration without a transaction", () => {
  it("is finished after its process was killed in the middle", async () => {
    await table();
    await upgrade(options());
    await database.pool.query("CREATE INDEX theirs ON a (x)");
    await database.pool.query(
      "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'theirs'::regclass",
    );
    await index();
    const writer = await session("writer");
    await writer.query("BEGIN; INSERT INTO a VALUES (1)");
    const child = migrator(`upgrade(${JSON.stringify(options())})`);
    await eventually("the index is being built", indexIs(false));
    await kill(child);
    expect(await currentRevision(options())).toEqual({
      revision: "0001",
      isHead: false,
      unfinished: { revision: "0002", status: "applying" },
    });
    expect(await checkMigrations(options())).toMatchObject({ kind: "behind", current: "0001" });

    const retry = upgrade(options());
    await sleep(500);
    await writer.query("COMMIT");
    expect((await retry).to).toBe("0002");
    await eventually("the index can be used", indexIs(true));
    expect(await currentRevision(options())).toMatchObject({ isHead: true, unfinished: null });
    await eventually("the other index is as it was", "to_regclass('theirs') IS NOT NULL");
  });

  it("is not run twice when it was done but not yet remembered", async () => {
    await table();
    await index();
    await upgrade(options());
    await database.pool.query(
      "UPDATE fiber_migrations SET status = 'applying' WHERE revision = '0002'",
    );
    const { rows: before } = await database.pool.query("SELECT 'a_x'::regclass::oid AS oid");
    expect((await upgrade(options())).steps).toHaveLength(1);
    const { rows: after } = await database.pool.query("SELECT 'a_x'::regclass::oid AS oid");
    expect(after).toEqual(before);
  });

  it("can be mended after it failed", async () => {
    await table();
    await upgrade(options());
    await database.pool.query("INSERT INTO a VALUES (1), (1)");
    await index("CREATE UNIQUE INDEX CONCURRENTLY a_x ON a (x);");
    await expect(upgrade(options())).rejects.toMatchObject({
      code: "MIGRATION_FAILED",
      message: expect.stringContaining("could not create unique index"),
    });
    await index();
    await upgrade(options());
    await eventually("the index can be used", indexIs(true));
    expect(await checkMigrations(options())).toMatchObject({ kind: "fits" });
  });

  it("goes down too, also when killed on the way", async () => {
    await table();
    await index();
    await upgrade(options());
    const writer = await session("writer");
    await writer.query("BEGIN; INSERT INTO a VALUES (1)");
    const down = { ...options(), target: "0001" };
    const child = migrator(`downgrade(${JSON.stringify(down)})`);
    await eventually("the index is being dropped", indexIs(false));
    await kill(child);
    expect((await currentRevision(options())).unfinished).toEqual({
      revision: "0002",
      status: "reverting",
    });
    await writer.query("COMMIT");
    await downgrade(down);
    await eventually("the index is gone", "to_regclass('a_x') IS NULL");
    expect(await currentRevision(options())).toMatchObject({ revision: "0001", unfinished: null });
    await downgrade({ ...options(), target: "base" });
  });
});
