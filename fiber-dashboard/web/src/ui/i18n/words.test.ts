import { describe, expect, it } from "vitest";
import { en } from "./en.js";
import { fr } from "./fr.js";

type Tree = { readonly [key: string]: string | Tree };

function leaves(tree: Tree, path = ""): [string, string][] {
  return Object.entries(tree).flatMap(([key, value]) =>
    typeof value === "string" ? [[`${path}${key}`, value]] : leaves(value, `${path}${key}.`),
  );
}

const english = new Map(leaves(en));
const french = new Map(leaves(fr));
const slots = (words: string) =>
  [...words.matchAll(/\{\{(\w+)\}\}/g)].map((match) => match[1]).sort();

describe("the languages", () => {
  it("have the same keys", () => {
    expect([...french.keys()]).toEqual([...english.keys()]);
  });

  it.each([...english])("%s fills the same slots in both", (key, words) => {
    expect(slots(french.get(key) ?? "")).toEqual(slots(words));
  });

  it("do not shout", () => {
    for (const words of [...english.values(), ...french.values()]) expect(words).not.toMatch(/!/);
  });
});
