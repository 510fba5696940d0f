import { mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Artefact } from "../deploy-driver.js";
import { digestTree } from "./tree-digest.js";
import { isIntactTree, rememberTree } from "./tree-stamp.js";

let stateDir: string;
let artefact: Artefact;
let file: string;
let note: string;

beforeEach(async () => {
  stateDir = mkdtempSync(join(tmpdir(), "fiber-stamp-"));
  const ref = join(stateDir, "releases", "v1.0.0", "tree");
  mkdirSync(join(ref, "dist"), { recursive: true });
  file = join(ref, "dist", "server.mjs");
  note = join(stateDir, "releases", "v1.0.0", "seen.json");
  writeFileSync(file, "one");
  const built = await digestTree(ref);
  artefact = { kind: "folder", tag: "v1.0.0", commit: "c0ffee", ref, ...built };
  await rememberTree(stateDir, artefact);
});
afterEach(() => rmSync(stateDir, { recursive: true, force: true }));

test("a tree that nobody touched is intact by its stamp alone", async () => {
  const other = { ...artefact, digest: "sha256:other" };
  await rememberTree(stateDir, other);
  // Only who reads it whole finds that the digest is another's.
  expect(await isIntactTree(stateDir, other)).toBe(true);
  expect(await isIntactTree(stateDir, other, { whole: true })).toBe(false);
});

test.each([
  ["as long as before, with the old time put back", "two"],
  ["longer", "three"],
])("a change is found: %s", async (_, content) => {
  writeFileSync(file, content);
  utimesSync(file, 0, 0);
  expect(await isIntactTree(stateDir, artefact)).toBe(false);
});

test("a file more, or one less, is found", async () => {
  writeFileSync(join(artefact.ref, "more"), "");
  expect(await isIntactTree(stateDir, artefact)).toBe(false);
  rmSync(join(artefact.ref, "more"));
  expect(await isIntactTree(stateDir, artefact)).toBe(true);
  rmSync(file);
  expect(await isIntactTree(stateDir, artefact)).toBe(false);
});

test.each([
  ["is missing", null],
  ["is damaged", "{"],
  ["is of another format", '{"format":2}'],
])("a tree whose note %s is read whole, and noted again", async (_, content) => {
  const before = readFileSync(note, "utf8");
  if (content === null) rmSync(note);
  else writeFileSync(note, content);
  expect(await isIntactTree(stateDir, artefact)).toBe(true);
  expect(readFileSync(note, "utf8")).toBe(before);
});

test("a tree that is gone is not intact", async () => {
  rmSync(artefact.ref, { recursive: true });
  expect(await isIntactTree(stateDir, artefact)).toBe(false);
});
