import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { run } from "./test-stack.js";

const ROOT = join(import.meta.dirname, "..");

let folder: string;

/** A clone in little: the set-up's own scripts and a package without dependencies. */
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "fiber-set-up-"));
  cpSync(join(ROOT, "scripts"), join(folder, "scripts"), { recursive: true });
  mkdirSync(join(folder, "dep"));
  writeFileSync(join(folder, "dep", "package.json"), '{"name":"dep","version":"1.0.0"}');
  writePackage(
    { dep: "file:dep" },
    {
      dep: { version: "1.0.0" },
      "node_modules/dep": { resolved: "dep", link: true },
    },
  );
  // The build is a line here: its own work is what every other test here starts.
  writeFileSync(
    join(folder, "scripts", "build.mjs"),
    `import { mkdirSync, writeFileSync } from "node:fs";
     import { sourceStamp } from "./setup/build-stamp.mjs";
     await new Promise((resolve) => setTimeout(resolve, 500));
     mkdirSync("dist", { recursive: true });
     writeFileSync("dist/.stamp", sourceStamp(process.cwd()));`,
  );
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function writePackage(dependencies: Record<string, string>, locked: Record<string, unknown>) {
  const about = { name: "little", version: "1.0.0" };
  const packages = { "": { ...about, dependencies }, ...locked };
  writeFileSync(join(folder, "package.json"), JSON.stringify({ ...about, dependencies }));
  writeFileSync(
    join(folder, "package-lock.json"),
    JSON.stringify({ ...about, lockfileVersion: 3, packages }),
  );
}

const setUp = (mode: string, env: NodeJS.ProcessEnv = {}, user: { uid?: number } = {}) =>
  run(process.execPath, [join(folder, "scripts", "setup.mjs"), mode], {
    cwd: folder,
    env: { ...process.env, ...env },
    ...user,
  });

test("it installs and builds once, and again only what is stale", async () => {
  const first = await setUp("start", { NODE_ENV: "production", npm_config_omit: "dev" });
  expect(first).toMatchObject({ code: 0, stdout: "" });
  expect(first.stderr).toMatch(/installing packages[\s\S]*building/);
  expect(await setUp("start")).toEqual({ code: 0, stdout: "", stderr: "" });

  const source = join(folder, "fiber-x");
  cpSync(join(ROOT, "fiber-contracts"), source, { recursive: true });
  const second = await setUp("start");
  expect(second.stderr).toMatch(/^set-up: building\nset-up: built/);

  rmSync(source, { recursive: true });
  expect((await setUp("start")).stderr).toContain("building");
});

test("two that start together do the work once", async () => {
  const both = await Promise.all([setUp("start"), setUp("start")]);
  expect(both.map((each) => each.code)).toEqual([0, 0]);
  const printed = both.map((each) => each.stderr).join("");
  expect(printed.match(/installing packages/g)).toHaveLength(1);
  expect(printed.match(/set-up: building/g)).toHaveLength(1);
  expect(readdirSync(folder).filter((name) => name.includes("lock"))).toEqual([
    "package-lock.json",
  ]);
});

test("the lock of a killed set-up is taken over", async () => {
  const lock = join(folder, ".fiber-setup.lock");
  writeFileSync(lock, JSON.stringify({ pid: process.pid, startTime: "1", bootId: "before" }));
  expect((await setUp("start")).code).toBe(0);
  expect(existsSync(lock)).toBe(false);
});

test("an unreachable registry is one clear sentence", async () => {
  writePackage(
    { a: "1.0.0" },
    {
      "node_modules/a": {
        version: "1.0.0",
        resolved: "http://127.0.0.1:1/a.tgz",
        integrity: "sha512-AA==",
      },
    },
  );
  const failed = await setUp("start", {
    npm_config_registry: "http://127.0.0.1:1/",
    npm_config_fetch_retries: "0",
    npm_config_cache: join(folder, "cache"),
  });
  expect(failed.code).toBe(1);
  expect(failed.stderr).toMatch(/set-up failed: .*registry cannot be reached.*network/);
});

test("missing programs are listed with the command, and refused where skips are forbidden", async () => {
  await setUp("start");
  chmodSync(folder, 0o755);
  // Somebody who may install nothing: no root, and no sudo on the path.
  const somebody = process.getuid?.() === 0 ? { uid: 65_534 } : {};
  const env = { PATH: join(folder, "empty"), FIBER_FORBID_SKIPS: "" };
  const listed = await setUp("test", env, somebody);
  expect(listed.code, listed.stderr).toBe(0);
  expect(listed.stderr).toMatch(/!!! missing for tests: .*fping.*apt-get/);
  const refused = await setUp("test", { ...env, FIBER_FORBID_SKIPS: "1" }, somebody);
  expect(refused.code).toBe(1);
  expect(refused.stderr).toMatch(/set-up failed: missing for tests: .*fping/);
});
