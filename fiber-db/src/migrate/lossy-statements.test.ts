import { expect, it } from "vitest";
import { lossyStatements } from "./lossy-statements.js";

it.each([
  ["DROP TABLE a;", [{ kind: "table", table: "a" }]],
  [
    'DROP TABLE IF EXISTS a, public.b , "C d" CASCADE;',
    [
      { kind: "table", table: "a" },
      { kind: "table", table: "public.b" },
      { kind: "table", table: '"C d"' },
    ],
  ],
  [
    "ALTER TABLE ONLY a DROP COLUMN IF EXISTS b CASCADE",
    [{ kind: "column", table: "a", column: "b" }],
  ],
  ["CREATE TABLE a (); DROP INDEX i; COMMENT ON TABLE a IS 'x; DROP TABLE b'", []],
  ["DELETE FROM a", [{ kind: "uncounted", text: "DELETE FROM a" }]],
  [
    "ALTER TABLE a DROP COLUMN b, DROP COLUMN c",
    [{ kind: "uncounted", text: "ALTER TABLE a DROP COLUMN b, DROP COLUMN c" }],
  ],
])("reads the loss of %j", (sql, expected) => {
  expect(lossyStatements(sql)).toEqual(expected);
});
