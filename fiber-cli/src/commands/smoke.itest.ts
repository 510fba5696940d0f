import { cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { upgrade } from "#db";
import { packageRoot, runCommand } from "#runtime";
import { createTestDatabase, type TestDatabase } from "#testkit";

let database: TestDatabase;
let folder: string;

beforeEach(async () => {
  database = await createTestDatabase();
  folder = mkdtempSync(join(tmpdir(), "fiber-smoke-"));
});
afterEach(async () => {
  await database.drop();
  rmSync(folder, { recursive: true, force: true });
});

function smoke() {
  const main = ["--import", "tsx", "--conditions=source", "fiber-cli/src/main.ts", "smoke"];
  return runCommand([process.execPath, ...main, "--json"], {
    cwd: packageRoot,
    env: { FIBER_DATABASE_URL: database.url, FIBER_STATE_DIR: folder, NO_COLOR: "1" },
  });
}

/** Brings the database to the schema of a newer release, ours and one more migration; its revision. */
async function upgradeBeyond(sql: string): Promise<string> {
  const migrations = join(folder, "migrations");
  cpSync(join(packageRoot, "fiber-db", "migrations"), migrations, { recursive: true });
  const revision = String(readdirSync(migrations).length + 1).padStart(4, "0");
  writeFileSync(
    join(migrations, `${revision}_newer.sql`),
    `-- kind: reversible: a test\n-- up\n${sql};\n-- down\nSELECT 1;\n`,
  );
  await upgrade({ connectionString: database.url, folder: migrations, release: "newer" });
  return revision;
}

test("a release works on its own schema, and on a newer one that only adds", async () => {
  expect(await smoke()).toMatchObject({ exitCode: 0 });
  const schema = await upgradeBeyond("ALTER TABLE nodes ADD COLUMN colour text");
  const ahead = await smoke();
  expect(ahead).toMatchObject({ exitCode: 0 });
  expect(JSON.parse(ahead.stdout)).toEqual({ schema, works: true });
});

test("it does not work, and says where, on a newer schema without what it writes", async () => {
  await upgradeBeyond("ALTER TABLE samples RENAME COLUMN jitter_ms TO jitter");
  const ahead = await smoke();
  expect(ahead.exitCode).toBe(1);
  expect(ahead.stderr).toMatch(/does not work with this schema: push: 50\d/);
});
