import { afterAll, beforeAll, expect, it } from "vitest";
import { createTestDatabase, type TestDatabase } from "#testkit";
import { resolveSeries, type SeriesKey } from "./resolve-series.js";

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

function key(nodeId: string, target = "", check = target === "" ? "" : "icmp"): SeriesKey {
  return { nodeId, target, check, country: "GH", region: "Accra" };
}

it("makes what is new, finds what is known, and burns no ids for it", async () => {
  const keys = [key("a"), key("a", "x"), key("b", "x"), key("a", "x")];
  const first = await resolveSeries(database.pool, keys);
  expect(first.series).toHaveLength(3);
  expect(first.deletedNodes).toEqual([]);
  const again = await resolveSeries(database.pool, [...keys, key("c", "new")]);
  const ids = (resolved: typeof first) =>
    resolved.series.map((s) => `${s.nodeId} ${s.target} ${s.check} ${s.seriesId}`).sort();
  expect(ids(again)).toEqual(expect.arrayContaining(ids(first)));
  const newest = again.series.find((series) => series.nodeId === "c");
  expect(newest?.seriesId).toBe(Math.max(...first.series.map((s) => s.seriesId)) + 1);
  const { rows } = await database.pool.query(
    "SELECT country, region, state FROM nodes WHERE node_id = 'c'",
  );
  expect(rows).toEqual([{ country: "GH", region: "Accra", state: "STALE" }]);
});

it("reports soft-deleted nodes and makes nothing for them", async () => {
  await resolveSeries(database.pool, [key("gone", "x")]);
  await database.pool.query("UPDATE nodes SET deleted_at = now() WHERE node_id = 'gone'");
  const resolved = await resolveSeries(database.pool, [
    key("gone", "x"),
    key("gone", "y"),
    key("here"),
  ]);
  expect(resolved.deletedNodes).toEqual(["gone"]);
  expect(resolved.series.map((series) => series.nodeId)).toEqual(["here"]);
  const { rows } = await database.pool.query("SELECT target FROM series WHERE node_id = 'gone'");
  expect(rows).toEqual([{ target: "x" }]);
});

it("gives writers that resolve the same series at once the same ids", async () => {
  const keys = Array.from({ length: 200 }, (_, index) => key("crowd", `host-${index}`));
  const ask = async (list: readonly SeriesKey[]) => {
    for (;;) {
      const { series } = await resolveSeries(database.pool, list);
      if (series.length === list.length) {
        return new Map(series.map((s) => [s.target, s.seriesId] as const));
      }
    }
  };
  const [one, two, three] = await Promise.all([ask(keys), ask(keys.toReversed()), ask(keys)]);
  expect(new Map([...(two ?? [])].sort())).toEqual(new Map([...(one ?? [])].sort()));
  expect(three).toEqual(one);
});
