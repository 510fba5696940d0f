import { expect, it } from "vitest";
import { indexOf } from "./unfinished-index.js";

it.each([
  ["CREATE INDEX CONCURRENTLY i ON a (b)", "i"],
  ["create unique index concurrently if not exists i on a (b)", "i"],
  ['CREATE INDEX CONCURRENTLY "my index" ON a (b)', '"my index"'],
  ["DROP INDEX CONCURRENTLY IF EXISTS public.i", "public.i"],
  ["CREATE INDEX CONCURRENTLY ON a (b)", null],
  ["CREATE INDEX i ON a (b)", null],
  ["VACUUM a", null],
])("finds the index of %j", (sql, index) => {
  expect(indexOf(sql)).toBe(index);
});
