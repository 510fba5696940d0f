import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { apiConfigSchema } from "#api";
import { dashboardConfigSchema } from "#dashboard";
import { etlConfigSchema } from "#etl";
import { loadConfig, packageRoot } from "#runtime";

/** Set between processes that we start, or by tests: nobody's settings. */
const INTERNAL = [
  "FIBER_BACKUP_FILE",
  "FIBER_BACKUP_NAME",
  "FIBER_CHAOS_KILL_AFTER_LINE",
  "FIBER_COMMIT",
  "FIBER_DASHBOARD_URL",
  "FIBER_DEFERRED_LISTEN",
  "FIBER_DEMO_TARGET_PORTS",
  "FIBER_FORBID_SKIPS",
  "FIBER_IMAGE",
  "FIBER_LAUNCHED_FROM",
  "FIBER_SCHEMA_COMPATIBLE",
];

const text = readFileSync(join(packageRoot, ".env.example"), "utf8");
const lines = [...text.matchAll(/^#?(FIBER_[A-Z_]+)=(.*)$/gm)];
const documented = lines.map(([, name = ""]) => name);
const defaults = Object.fromEntries(
  lines.filter(([line]) => !line.startsWith("#")).map(([, name = "", value]) => [name, value]),
);

/** Variables that the product's own files name. */
function namedInSource(): ReadonlySet<string> {
  const names = new Set<string>();
  for (const folder of readdirSync(packageRoot).filter((name) => name.startsWith("fiber-"))) {
    if (folder === "fiber-testkit" || folder === "fiber-deploy") continue;
    const files = readdirSync(join(packageRoot, folder, "src"), {
      recursive: true,
      encoding: "utf8",
    });
    for (const file of files.filter(
      (name) => name.endsWith(".ts") && !/test\.|itest|\.e2e/.test(name),
    )) {
      const source = readFileSync(join(packageRoot, folder, "src", file), "utf8");
      for (const [name] of source.matchAll(/\bFIBER_[A-Z_]*[A-Z]\b/g)) names.add(name);
    }
  }
  return names;
}

describe(".env.example", () => {
  it("names every variable that the product reads, and no other", () => {
    const read = [...namedInSource()].filter((name) => !INTERNAL.includes(name));
    expect(documented.toSorted()).toEqual(read.toSorted());
  });

  it("shows the defaults", () => {
    const url = { FIBER_DATABASE_URL: "postgres://postgres@localhost:5432/fiberstack" };
    for (const schema of [apiConfigSchema, etlConfigSchema, dashboardConfigSchema]) {
      expect(loadConfig(schema, { ...defaults, ...url })).toEqual(loadConfig(schema, url));
    }
  });
});
