import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { packageRoot } from "#runtime";
import { parseProject, readProject } from "./project-file.js";
import { roleEntrySchema } from "./role-entry.js";

const minimal = { format: 1, name: "sample" };
const parse = (more: object) => parseProject(JSON.stringify({ ...minimal, ...more }), "fiber.yaml");
const web = { name: "web", run: "node server.mjs" };

describe("fiber.yaml", () => {
  it("of this repository is valid, and says how every role of ours is run and switched", () => {
    const project = readProject(packageRoot);
    const roles = project.roles.map(({ name, switch: how, writer }) => ({ name, how, writer }));
    expect(roles).toEqual([
      { name: "demo-target", how: "deferred", writer: false },
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

  it("is documented, every key and every key of a role", () => {
    const text = readFileSync(join(packageRoot, "docs", "fiber-yaml.md"), "utf8");
    const documented = new Set([...text.matchAll(/^\| `(\w+)`/gm)].map(([, key]) => key));
    const keys = [...Object.keys(parse({})), ...Object.keys(roleEntrySchema.shape)];
    expect(keys.filter((key) => !documented.has(key))).toEqual([]);
  });
});
