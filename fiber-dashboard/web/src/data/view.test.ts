import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readSearch, SORT_KEYS, searchOf, TABS, type View, viewOf } from "./view.js";
import { SCOPES, type Scope } from "./window.js";

const name = fc.string({ minLength: 1, maxLength: 60 });
const maybe = <T>(of: fc.Arbitrary<T>) => fc.option(of);
const view: fc.Arbitrary<View> = fc.record({
  scope: fc.constantFrom(...(Object.keys(SCOPES) as Scope[])),
  region: maybe(name),
  node: maybe(name),
  chart: maybe(name),
  target: maybe(
    fc.record({ check: fc.constantFrom("icmp", "tcp", "http", "dns", "tls"), target: name }),
  ),
  tab: fc.constantFrom(...TABS),
  sort: fc.constantFrom(...SORT_KEYS),
  descending: fc.boolean(),
  q: fc.string({ maxLength: 60 }),
});

describe("the view in the address", () => {
  it("comes back as it went", () => {
    fc.assert(
      fc.property(view, (each) => {
        expect(viewOf(searchOf(each))).toEqual(each);
      }),
    );
  });

  it("leaves defaults out of the address", () => {
    expect(searchOf(viewOf({}))).toEqual({});
  });

  it("survives any address", () => {
    const raw = fc.dictionary(
      fc.constantFrom("scope", "region", "node", "chart", "target", "tab", "sort", "q", "x"),
      fc.anything(),
    );
    fc.assert(
      fc.property(raw, (search) => {
        const read = viewOf(readSearch(search));
        expect(Object.keys(SCOPES)).toContain(read.scope);
        expect(SORT_KEYS).toContain(read.sort);
        expect(TABS).toContain(read.tab);
      }),
    );
  });

  it("takes numbers and words of an address as text", () => {
    expect(viewOf(readSearch({ q: 123, region: true })).q).toBe("123");
    expect(viewOf(readSearch({ region: true })).region).toBe("true");
  });

  it("keeps a target with colons whole", () => {
    const { target } = viewOf({ target: "tcp:example.net:443" });
    expect(target).toEqual({ check: "tcp", target: "example.net:443" });
  });

  it("takes no name that every object has for a scope", () => {
    expect(viewOf(readSearch({ scope: "toString" })).scope).toBe("1h");
  });

  it("refuses a check that nobody knows", () => {
    expect(viewOf(readSearch({ target: "toString:x" })).target).toBeNull();
  });
});
