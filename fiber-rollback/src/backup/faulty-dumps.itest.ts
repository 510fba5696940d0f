import { copyFileSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runCommand } from "#runtime";
import { createTestDatabase } from "#testkit";
import { createTestData, type TestData } from "../data.itest-kit.js";
import { connectionEnv, findPgTools, type PgTools } from "../pg-tools.js";
import { noProgress } from "../progress.js";
import { createBackup } from "./create-backup.js";
import { type Manifest, manifestPathOf, readManifest } from "./manifest.js";
import { proveBackup } from "./prove-backup.js";
import { verifyBackup } from "./verify-backup.js";

let data: TestData;
let good: string;
let tools: PgTools;
beforeAll(async () => {
  data = await createTestData(20_000);
  tools = await findPgTools(15);
  good = (await createBackup(data.ports, { tag: "good" })).path;
});
afterAll(() => data.remove());

let copies = 0;
/** A copy of the good backup with its manifest under a name of its own. */
async function copyOfGood(change: Partial<Manifest> = {}): Promise<string> {
  copies += 1;
  const path = join(data.stateDir, `copy-${copies}.dump`);
  copyFileSync(good, path);
  const manifest = await readManifest(good);
  const file = { ...manifest.file, name: `copy-${copies}.dump` };
  writeFileSync(manifestPathOf(path), JSON.stringify({ ...manifest, file, ...change }));
  return path;
}

function flipByte(path: string, at: number): void {
  const bytes = readFileSync(path);
  bytes[at] = (bytes[at] ?? 0) ^ 0xff;
  writeFileSync(path, bytes);
}

const problems = async (path: string) =>
  (await verifyBackup({ path, tools }, noProgress)).problems.map((one) => one.code);
const liveDatabases = async () =>
  (await data.database.pool.query("SELECT datname FROM pg_database ORDER BY 1")).rows;

describe("verifyBackup", () => {
  it("finds nothing wrong with a good one", async () => {
    expect(await problems(good)).toEqual([]);
    expect(await problems(await copyOfGood())).toEqual([]);
  });

  it("sees a truncated dump, which pg_restore --list does not", async () => {
    const path = await copyOfGood();
    truncateSync(path, Math.floor(readFileSync(path).length * 0.8));
    const listed = await runCommand([tools.path("pg_restore"), "--list", path]);
    expect(listed.exitCode).toBe(0);
    expect(await problems(path)).toEqual(["DUMP_DAMAGED", "CHECKSUM_MISMATCH"]);
  });

  it("sees one flipped byte anywhere", async () => {
    const { length } = readFileSync(good);
    for (const share of [0.1, 0.5, 0.9]) {
      const path = await copyOfGood();
      flipByte(path, Math.floor(length * share));
      expect(await problems(path)).toContain("CHECKSUM_MISMATCH");
    }
  });

  it("sees damage even where no manifest can tell", async () => {
    const path = await copyOfGood();
    const bytes = readFileSync(path);
    const middle = Math.floor(bytes.length / 2);
    writeFileSync(path, bytes.fill(0, middle, middle + 4_000));
    writeFileSync(manifestPathOf(path), "");
    expect(await problems(path)).toEqual(["MANIFEST_INVALID", "DUMP_DAMAGED"]);
  });

  it("sees an empty dump, a missing one and a missing manifest", async () => {
    const empty = await copyOfGood();
    truncateSync(empty, 0);
    expect(await problems(empty)).toEqual(["DUMP_EMPTY"]);
    expect(await problems(join(data.stateDir, "none.dump"))).toEqual([
      "MANIFEST_MISSING",
      "DUMP_MISSING",
    ]);
    const bare = join(data.stateDir, "bare.dump");
    copyFileSync(good, bare);
    expect(await problems(bare)).toEqual(["MANIFEST_MISSING"]);
  });

  it("sees an SQL script and rubbish", async () => {
    const script = await copyOfGood();
    writeFileSync(script, "-- PostgreSQL database dump\nSELECT 1;\n");
    expect(await problems(script)).toContain("DUMP_NOT_CUSTOM");
    const rubbish = await copyOfGood();
    writeFileSync(rubbish, "\u0001\u0002 rubbish");
    expect(await problems(rubbish)).toContain("DUMP_NOT_CUSTOM");
  });

  it("sees another application's dump", async () => {
    const other = await createTestDatabase({ template: null });
    await other.pool.query("CREATE TABLE invoices AS SELECT 1 AS id");
    const path = join(data.stateDir, "foreign.dump");
    const env = connectionEnv(other.url);
    const command = [tools.path("pg_dump"), "-Fc", `--file=${path}`] as const;
    expect((await runCommand(command, { env })).exitCode).toBe(0);
    await other.drop();
    expect(await problems(path)).toEqual(["MANIFEST_MISSING", "DUMP_FOREIGN"]);
  });

  it("names a newer pg_dump as the cause", async () => {
    const path = await copyOfGood();
    const bytes = readFileSync(path);
    // Bytes 5 to 7 are the archive's version: 1.14 up to PostgreSQL 15, 1.16 from 17 on.
    expect([bytes[5], bytes[6]]).toEqual([1, 14]);
    bytes[6] = 99;
    writeFileSync(path, bytes);
    const report = await verifyBackup({ path, tools }, noProgress);
    expect(report.problems[0]).toMatchObject({
      code: "DUMP_TOO_NEW",
      message: expect.stringContaining("FIBER_PG_BIN"),
    });
  });

  it("sees the manifest of another dump", async () => {
    await data.database.pool.query("CREATE TABLE more AS SELECT 1 AS id");
    const other = await createBackup(data.ports, { tag: "other" });
    await data.database.pool.query("DROP TABLE more");
    const path = await copyOfGood();
    copyFileSync(manifestPathOf(other.path), manifestPathOf(path));
    const report = await verifyBackup({ path, tools }, noProgress);
    expect(report.problems.map((one) => one.code)).toEqual([
      "MANIFEST_MISMATCH",
      "CHECKSUM_MISMATCH",
      "MANIFEST_MISMATCH",
    ]);
  });

  it("refuses a manifest of a newer version by name", async () => {
    const path = await copyOfGood();
    writeFileSync(manifestPathOf(path), JSON.stringify({ format: 2, whatever: true }));
    const report = await verifyBackup({ path, tools }, noProgress);
    expect(report.problems[0]).toMatchObject({
      code: "MANIFEST_TOO_NEW",
      message: expect.stringContaining("format 2"),
    });
  });
});

describe("proveBackup", () => {
  it("restores, compares, notes the time and leaves no database behind", async () => {
    const before = await liveDatabases();
    const path = await copyOfGood();
    const report = await proveBackup(data.ports, { path });
    expect(report.differences).toEqual([]);
    expect((await readManifest(path)).provenAt).toBe(report.provenAt);
    expect(await liveDatabases()).toEqual(before);
  });

  it("finds rows and values that differ from the manifest", async () => {
    const manifest = await readManifest(good);
    const tables = manifest.tables.map((table) =>
      table.name === "nodes"
        ? { ...table, hash: "1" }
        : table.name === "series"
          ? { ...table, rows: 99 }
          : table,
    );
    const path = await copyOfGood({ tables });
    const report = await proveBackup(data.ports, { path });
    expect(report.provenAt).toBeNull();
    expect(report.differences).toEqual([
      "nodes has the same number of rows with other values",
      "series has 3 rows, not 99",
    ]);
    expect((await readManifest(path)).provenAt).toBeNull();
  });

  it("refuses a damaged dump before it makes a database", async () => {
    const path = await copyOfGood();
    flipByte(path, 5_000);
    await expect(proveBackup(data.ports, { path })).rejects.toMatchObject({
      code: expect.stringMatching(/DUMP_DAMAGED|CHECKSUM_MISMATCH/),
    });
  });

  it("drops what a killed proof left, and is done by one at a time", async () => {
    await data.database.pool.query("CREATE DATABASE fiber_prove_000000000000");
    const path = await copyOfGood();
    const both = await Promise.allSettled([
      proveBackup(data.ports, { path }),
      proveBackup(data.ports, { path }),
    ]);
    expect(both.filter((one) => one.status === "fulfilled")).toHaveLength(1);
    const rest = (await liveDatabases()).map((row) => row.datname);
    expect(rest.filter((name) => name.startsWith("fiber_prove"))).toEqual([]);
  });
});
