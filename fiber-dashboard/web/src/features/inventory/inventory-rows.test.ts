import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { recordedNodes } from "../../../testing/recorded-fleet.js";
import { holdOrder, inventoryRows } from "./inventory-rows.js";

const nodes = recordedNodes("trouble", Date.parse("2026-03-04T10:00:00Z"));
const ids = (filter: { region: string | null; q: string }) =>
  inventoryRows(nodes, [], filter).map((row) => row.node.node_id);

describe("inventoryRows", () => {
  it("searches names, places, states and targets, every word of it", () => {
    expect(ids({ region: null, q: "LAGOS" })).toEqual(["probe-ng-lagos"]);
    expect(ids({ region: null, q: "ng critical" })).toEqual(["probe-ng-abuja"]);
    expect(ids({ region: null, q: "4701" })).toHaveLength(nodes.length);
    expect(ids({ region: null, q: "no such thing" })).toEqual([]);
  });

  it("keeps to the region", () => {
    expect(ids({ region: "Accra", q: "" })).toEqual(["probe-gh-accra", "probe-gh-tema"]);
  });

  it("has no figures where the API gave none", () => {
    expect(inventoryRows(nodes, [], { region: null, q: "" })[0]?.figures).toBeNull();
  });
});

describe("holdOrder", () => {
  const idOf = (id: string) => id;
  const list = fc.uniqueArray(fc.string({ maxLength: 3 }), { maxLength: 30 });

  it("keeps the rows and their held places, new ones last in their own order", () => {
    fc.assert(
      fc.property(list, list, (rows, held) => {
        const shown = holdOrder(rows, held, idOf);
        const kept = held.filter((id) => rows.includes(id));
        const added = rows.filter((id) => !held.includes(id));
        expect(shown).toEqual([...kept, ...added]);
      }),
    );
  });

  it("does nothing when nothing is held", () => {
    expect(holdOrder(["b", "a"], null, idOf)).toEqual(["b", "a"]);
  });
});
