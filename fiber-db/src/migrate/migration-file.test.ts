import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FiberError } from "#contracts";
import { loadMigrations } from "./load-migrations.js";
import { parseMigration } from "./migration-file.js";

const FILE = "-- kind: lossy: drops a\n-- up\nCREATE TABLE a ();\n-- down\nDROP TABLE a;\n";

describe("parseMigration", () => {
  it("reads head and both parts", () => {
    expect(parseMigration("0007_make_a.sql", FILE)).toMatchObject({
      revision: "0007",
      slug: "make_a",
      kind: "lossy",
      why: "drops a",
      transactional: true,
      upSql: "CREATE TABLE a ();",
      downSql: "DROP TABLE a;",
      upLine: 2,
    });
  });

  it("gives the same checksums whatever the line ends", () => {
    const unix = parseMigration("0007_make_a.sql", FILE);
    const windows = parseMigration("0007_make_a.sql", FILE.replaceAll("\n", "\r\n"));
    expect(windows).toEqual(unix);
    const other = parseMigration("0007_make_a.sql", FILE.replace("a ()", "a (b int)"));
    expect(other.upChecksum).not.toBe(unix.upChecksum);
    expect(other.downChecksum).toBe(unix.downChecksum);
  });

  it("accepts one statement without a transaction", () => {
    const text =
      "-- kind: reversible: an index\n-- transaction: none\n-- up\n" +
      "CREATE INDEX CONCURRENTLY i ON a (b);\n-- down\nDROP INDEX CONCURRENTLY IF EXISTS i;\n";
    expect(parseMigration("0008_i.sql", text).transactional).toBe(false);
  });

  it.each([
    ["7_a.sql", FILE, "the name must be like"],
    ["0007_A.sql", FILE, "the name must be like"],
    ["0007_a.sql", FILE.replace("-- kind: lossy: drops a\n", ""), "-- kind"],
    ["0007_a.sql", FILE.replace("lossy: drops a", "lossy"), "-- kind"],
    ["0007_a.sql", FILE.replace("lossy", "harmless"), "not understood"],
    ["0007_a.sql", FILE.replace("-- up", "-- transaction: maybe\n-- up"), "not understood"],
    ["0007_a.sql", FILE.replace("-- up", "SELECT 1;\n-- up"), "not understood"],
    ["0007_a.sql", FILE.replace("-- down\n", ""), '"-- down"'],
    ["0007_a.sql", `${FILE}-- down\n`, "once"],
    ["0007_a.sql", FILE.replace("CREATE TABLE a ();", "-- nothing"), "no statement"],
    ["0007_a.sql", FILE.replace("DROP TABLE a;", ""), "no statement"],
    ["0007_a.sql", FILE.replace("DROP TABLE a;", "DROP TABLE a; COMMIT;"), "transaction"],
    [
      "0007_a.sql",
      FILE.replace("-- up", "-- transaction: none\n-- up\nSELECT 1;"),
      "one statement",
    ],
    [
      "0007_a.sql",
      FILE.replace("CREATE TABLE a ();", "CREATE INDEX CONCURRENTLY i ON a (b);"),
      "transaction: none",
    ],
  ])("refuses %s %j", (name, text, problem) => {
    expect(() => parseMigration(name, text)).toThrow(
      expect.objectContaining({
        code: "MIGRATION_INVALID",
        message: expect.stringContaining(problem),
      }),
    );
  });

  it("either reads a text or names it as invalid", () => {
    const line = fc.oneof(
      fc.constantFrom("-- up", "-- down", "-- kind: lossy: x", "-- transaction: none", "SELECT 1;"),
      fc.string(),
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 8 }), (lines) => {
        try {
          const read = parseMigration("0001_x.sql", lines.join("\n"));
          expect(read.upSql).not.toBe("");
          expect(read.downSql).not.toBe("");
        } catch (cause) {
          expect(cause).toBeInstanceOf(FiberError);
        }
      }),
    );
  });
});

it("reads the product's own migrations", async () => {
  const migrations = await loadMigrations();
  expect(migrations.map((migration) => migration.revision).slice(0, 4)).toEqual([
    "0001",
    "0002",
    "0003",
    "0004",
  ]);
});
