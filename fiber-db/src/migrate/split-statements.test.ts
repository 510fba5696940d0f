import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { splitStatements } from "./split-statements.js";

const texts = (sql: string) => splitStatements(sql).map((statement) => statement.text);

describe("splitStatements", () => {
  it.each([
    ["", []],
    [" ;; \n ", []],
    ["SELECT 1", ["SELECT 1"]],
    ["SELECT 1; SELECT 2 ;", ["SELECT 1", "SELECT 2"]],
    ["SELECT ';'; SELECT 2", ["SELECT ';'", "SELECT 2"]],
    ["SELECT 'it''s; one'", ["SELECT 'it''s; one'"]],
    ["SELECT E'a\\'; b'; SELECT 2", ["SELECT E'a\\'; b'", "SELECT 2"]],
    ["SELECT 'a\\'; SELECT 2", ["SELECT 'a\\'", "SELECT 2"]],
    ['CREATE TABLE "a;b" ()', ['CREATE TABLE "a;b" ()']],
    ["-- one; two\nSELECT 1; -- end;", ["SELECT 1"]],
    ["/* a; /* nested; */ b; */ SELECT 1", ["SELECT 1"]],
    ["DO $$ BEGIN a; b; END $$; SELECT 2", ["DO $$ BEGIN a; b; END $$", "SELECT 2"]],
    ["DO $x$ a; $$ b; $x$; SELECT 2", ["DO $x$ a; $$ b; $x$", "SELECT 2"]],
    ["SELECT $1; SELECT a$b$c; SELECT 3", ["SELECT $1", "SELECT a$b$c", "SELECT 3"]],
  ])("splits %j", (sql, expected) => {
    expect(texts(sql)).toEqual(expected);
  });

  it("finds every statement that was joined, whatever quotes hold", () => {
    const inside = fc.string({ maxLength: 12 });
    const statement = fc.oneof(
      inside.map((text) => `SELECT '${text.replaceAll("'", "''")}'`),
      inside.map((text) => `SELECT "x${text.replaceAll('"', '""')}"`),
      inside.map((text) => `SELECT $q$${text.replaceAll("$", "")}$q$`),
      fc.nat().map((number) => `SELECT ${number}`),
    );
    const between = fc.constantFrom(";", " ; ", ";\n-- note; 'quote\n", ";/* ; /* ; */ ' */");
    fc.assert(
      fc.property(fc.array(statement, { minLength: 1, maxLength: 6 }), between, (all, glue) => {
        expect(texts(all.join(glue))).toEqual(all);
      }),
    );
  });

  it("ends on any text, and its offsets point at its statements", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 200 }), (sql) => {
        for (const { text, offset } of splitStatements(sql)) {
          expect(sql.slice(offset, offset + text.length)).toBe(text);
        }
      }),
    );
  });
});
