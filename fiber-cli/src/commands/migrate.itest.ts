import { existsSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { upgrade, withSession } from "#db";
import { readManifest } from "#rollback";
import { type CommandResult, packageRoot, runCommand } from "#runtime";
import {
  createTestDatabase,
  type ScratchPostgres,
  schemaText,
  startScratchPostgres,
  type TestDatabase,
} from "#testkit";

const NODE = "INSERT INTO nodes (node_id, country, region) VALUES ('a', 'GH', 'Accra')";

/** Runs `fiber …` as its users do, without a terminal. */
function runFiber(
  env: Readonly<Record<string, string>>,
  ...args: string[]
): Promise<CommandResult> {
  const main = ["--import", "tsx", "--conditions=source", "fiber-cli/src/main.ts"];
  return runCommand([process.execPath, ...main, ...args], {
    cwd: packageRoot,
    env: { FIBER_DATABASE_URL: "", FIBER_PG_PORT: "", FIBER_RELEASE: "", ...env },
  });
}

const migrate = (env: Readonly<Record<string, string>>, ...args: string[]) =>
  runFiber(env, "migrate", ...args);

describe("on the database of fiber up", () => {
  let server: ScratchPostgres;
  beforeAll(async () => {
    server = await startScratchPostgres();
  });
  afterAll(() => server.remove());
  const fiber = (...args: string[]) => migrate({ FIBER_STATE_DIR: server.stateDir }, ...args);

  it("goes down to the base and up again over data, and tells the loss", async () => {
    const { createPool } = await import("#db");
    const pool = createPool({
      connectionString: server.url("fiberstack"),
      applicationName: "test",
      onError: () => {},
    });
    try {
      const first = await fiber("upgrade", "head");
      expect(first.exitCode).toBe(0);
      expect(first.stderr).toContain("Running upgrade 0003 -> 0004, posture and fence");
      expect((await fiber("current")).stdout).toMatch(/^\d{4} \(head\)$/);
      const before = await schemaText(pool);
      await pool.query(NODE);

      const down = await fiber("downgrade", "base");
      expect(down.exitCode).toBe(0);
      expect(down.stderr).toMatch(/This downgrade drops:[\s\S]*0001\s+nodes\s+1\n/);
      const backup = /Backed up first to (\S+\/before-downgrade\/\S+\.dump)/.exec(down.stderr)?.[1];
      expect((await readManifest(backup ?? "")).tables).toContainEqual(
        expect.objectContaining({ name: "nodes", rows: 1 }),
      );
      expect(down.stderr).toContain("Running downgrade 0001 -> , nodes and tokens");
      expect((await fiber("current")).stdout).toBe("");
      expect((await fiber("check")).exitCode).toBe(1);

      expect((await fiber("upgrade", "head")).exitCode).toBe(0);
      expect(await schemaText(pool)).toBe(before);
      expect((await fiber("check")).exitCode).toBe(0);

      const restored = await runFiber(
        { FIBER_STATE_DIR: server.stateDir },
        ...["restore", backup ?? "", "--then-upgrade", "--yes"],
      );
      expect(restored.exitCode, restored.stderr).toBe(0);
      expect((await pool.query("SELECT node_id FROM nodes")).rows).toEqual([{ node_id: "a" }]);
      expect((await fiber("check")).exitCode).toBe(0);
    } finally {
      await pool.end();
    }
  }, 240_000);
});

describe("on the database of fiber up, once people rely on it", () => {
  let server: ScratchPostgres;
  beforeAll(async () => {
    server = await startScratchPostgres();
  });
  afterAll(() => server.remove());

  it.each([
    ["a release runs", { FIBER_RELEASE: "v1.0.0" }, false],
    ["a release was deployed", {}, true],
  ])("refuses to lose rows where %s", async (_, env, deployed) => {
    const fiber = (...args: string[]) =>
      migrate({ FIBER_STATE_DIR: server.stateDir, ...env }, ...args);
    const connectionString = server.url("fiberstack");
    await upgrade({ connectionString });
    await withSession(connectionString, (s) => s.query(`${NODE} ON CONFLICT DO NOTHING`));
    if (deployed) symlinkSync("releases/v1.0.0/tree", join(server.stateDir, "current"));
    const refused = await fiber("downgrade", "base", "--yes", "--json");
    expect(refused.exitCode).toBe(3);
    expect(JSON.parse(refused.stdout)).toMatchObject({
      code: "LOSS_REFUSED",
      message: expect.stringMatching(/nodes: 1\).*fiber migrate downgrade base --allow-loss$/),
    });
    expect((await fiber("current")).stdout).toMatch(/\(head\)/);
    expect(existsSync(join(server.stateDir, "backups"))).toBe(false);
  });

  it("loses them when told to", async () => {
    const fiber = (...args: string[]) => migrate({ FIBER_STATE_DIR: server.stateDir }, ...args);
    expect((await fiber("downgrade", "base", "--allow-loss")).exitCode).toBe(0);
    expect((await fiber("upgrade")).exitCode).toBe(0);
  });
});

describe("on a database of somebody's own", () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(() => database.drop());
  beforeEach(async () => {
    await upgrade({ connectionString: database.url });
    await database.pool.query(`${NODE} ON CONFLICT DO NOTHING`);
  });
  const fiber = (...args: string[]) => migrate({ FIBER_DATABASE_URL: database.url }, ...args);

  it("refuses to lose rows without being told to", async () => {
    const refused = await fiber("downgrade", "base", "--yes", "--json");
    expect(refused.exitCode).toBe(3);
    expect(JSON.parse(refused.stdout)).toMatchObject({
      code: "LOSS_REFUSED",
      message: expect.stringContaining("fiber migrate downgrade base --allow-loss"),
    });
    expect(refused.stderr).toMatch(/nodes\s+1/);
    expect((await fiber("current")).stdout).toMatch(/\(head\)/);

    const planned = await fiber("downgrade", "base", "--dry-run");
    expect(planned.exitCode).toBe(0);
    expect(planned.stdout).toContain("DROP TABLE nodes;");
    expect((await fiber("current")).stdout).toMatch(/\(head\)/);

    const allowed = await fiber("downgrade", "base", "--allow-loss", "--json");
    expect(allowed.exitCode).toBe(0);
    expect(JSON.parse(allowed.stdout)).toMatchObject({ to: null, dry_run: false });
  });

  it("steps down by -1 where nothing is lost, and back by +1", async () => {
    const down = await fiber("downgrade", "-1");
    expect(down).toMatchObject({ exitCode: 0 });
    expect((await fiber("current")).stdout).toMatch(/^\d{4}$/);
    expect((await fiber("upgrade", "+1")).exitCode).toBe(0);
    const history = await fiber("history");
    expect(history.stdout).toContain("0003 -> 0004");
    expect(history.stdout).toMatch(/<base> -> 0001, nodes and tokens$/);
  });

  it("exits 2 for what cannot be meant, 1 where no server answers", async () => {
    expect((await fiber("downgrade")).exitCode).toBe(2);
    expect((await fiber("downgrade", "sideways")).exitCode).toBe(2);
    expect((await fiber("upgrade", "0099")).exitCode).toBe(2);
    const nowhere = { FIBER_DATABASE_URL: "postgres://postgres@127.0.0.1:1/x" };
    const away = await migrate(nowhere, "current");
    expect(away.exitCode).toBe(1);
    expect(away.stderr).toContain("PostgreSQL does not answer at 127.0.0.1:1/x");
  });
});
