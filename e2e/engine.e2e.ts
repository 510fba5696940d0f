import { readdirSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createTestStack, type TestStack } from "./test-stack.js";

let stack: TestStack;
beforeEach(async () => {
  stack = await createTestStack();
});
afterEach(() => stack.cleanUp());

const engines = () => readdirSync(join(stack.stateDir, "engine"));

test("what switches releases runs from an engine in the state folder, made once", async () => {
  const first = await stack.fiber("rollback", "resume", "--json");
  // Said by the engine: nothing is unfinished here.
  expect(JSON.parse(first.stdout)).toMatchObject({ code: "RUN_NOT_FOUND" });
  expect(first.code).toBe(3);
  expect(engines()).toEqual([expect.stringMatching(/^\d+\.\d+\.\d+-[0-9a-f]{12}$/)]);
  const made = engines();
  expect((await stack.fiber("rollback", "abort", "--yes")).code).toBe(3);
  expect(engines()).toEqual(made);
  const engine = join(stack.stateDir, "engine", made[0] ?? "");
  expect(readdirSync(engine).sort()).toEqual([
    "bin",
    "dist",
    "engine.json",
    "fiber-db",
    "node_modules",
    "package.json",
  ]);
  // What is for development only stays in the clone.
  expect(readdirSync(join(engine, "node_modules"))).not.toContain("vitest");
});

test("questions are answered from where the command lies, and copy nothing", async () => {
  expect((await stack.fiber("deploy", "--help")).stdout).toContain("fiber deploy");
  expect((await stack.fiber("rollback", "status")).code).toBe(0);
  expect(() => engines()).toThrow("ENOENT");
});
