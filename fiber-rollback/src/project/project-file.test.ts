import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { packageRoot } from "#runtime";
import { parseProject, projectSchema, readProject } from "./project-file.js";

const minimal = { format: 1, name: "sample" };
const parse = (more: object) => parseProject(JSON.stringify({ ...minimal, ...more }), "fiber.yaml");
const web = { name: "web", run: "node server.mjs" };

/** Every key of a JSON schema, however deep, with its default. */
function keysOf(schema: unknown): { readonly key: string; readonly fallback: unknown }[] {
  if (typeof schema !== "object" || schema === null) return [];
  const { properties = {} } = schema as { properties?: Record<string, { default?: unknown }> };
  const own = Object.entries(properties).map(([key, { default: fallback }]) => ({ key, fallback }));
  return [...own, ...Object.values(schema).flatMap(keysOf)];
}

describe("fiber.yaml", () => {
  it("of this repository is valid, and says how every role of ours is run and switched", () => {
    const project = readProject(packageRoot);
    const roles = project.roles.map(({ name, switch: how, writer }) => ({ name, how, writer }));
    expect(roles).toEqual([
      { name: "demo-target", how: "deferred", writer: false },
      { name: "etl", how: "restart", writer: true },
      { name: "api", how: "deferred", writer: true },
      { name: "dashboard", how: "deferred", writer: false },
      { name: "probe", how: "restart", writer: false },
    ]);
    expect(project.verify.filter((gate) => gate.blocking).length).toBeGreaterThanOrEqual(5);
  });

  it("needs a name only", () => {
    expect(parse({})).toMatchObject({
      branch: "release/mvp",
      build: [],
      roles: [],
      smoke: null,
      verify: [],
      backup: { before_deploy: true },
    });
    expect(parse({ roles: [web] }).roles[0]).toEqual({
      ...web,
      env: {},
      switch: "restart",
      writer: false,
      start_s: 60,
    });
  });

  it.each([
    [{ roles: [web, web] }, /roles\.1\.name: is taken by a role above/],
    [{ roles: [{ name: "Web", run: "x" }] }, /roles\.0\.name: use lower case/],
    [{ roles: [{ ...web, switch: "at once" }] }, /roles\.0\.switch/],
    [{ roles: [{ ...web, needs: ["db"] }] }, /needs/],
    [{ verify: [{ id: "a", title: "A", kind: "wish" }] }, /verify\.0\.kind/],
    [{ colour: "green" }, /colour/],
  ])("refuses %o by name", (more, message) => {
    expect(() => parse(more)).toThrow(message);
  });

  it("is documented, every key at every depth, with every default that is a number", () => {
    const text = readFileSync(join(packageRoot, "docs", "fiber-yaml.md"), "utf8");
    const keys = keysOf(z.toJSONSchema(projectSchema, { io: "input" }));
    expect(keys.length).toBeGreaterThan(50);
    const says = ({ key, fallback }: (typeof keys)[number]) =>
      text.includes(`\`${key}\``) &&
      (typeof fallback !== "number" ||
        new RegExp(`\`${key}\`( \\(| \\| )${fallback}\\b`).test(text));
    expect(keys.filter((one) => !says(one))).toEqual([]);
  });
});
