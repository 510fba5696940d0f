import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { engineRoot } from "./choose-engine.js";
import { enginesFolder, keepEngine, openEngine } from "./engine-folder.js";
import { findInstallation } from "./production-packages.js";

let folder: string;
let stateDir: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "fiber-engine-"));
  stateDir = join(folder, "state");
  mkdirSync(stateDir);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function put(path: string, content: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}

function putPackage(at: string, manifest: object, main = "export default 'plain'"): void {
  put(
    join(at, "package.json"),
    JSON.stringify({ version: "1.0.0", type: "module", exports: "./index.js", ...manifest }),
  );
  put(join(at, "index.js"), main);
}

/** A product that prints where it runs and what its packages say. */
function putProduct(root: string): void {
  const dependencies = { one: "*", two: "*" };
  putPackage(root, { name: "fiberstack-lite", version: "1.2.3", dependencies });
  put(join(root, "bin", "fiber.mjs"), "await import('../dist/main.js')");
  put(
    join(root, "dist", "main.js"),
    "import one from 'one'; import two from 'two'; console.log(import.meta.dirname, one, two)",
  );
  put(join(root, "fiber-db", "migrations", "0001_a.sql"), "-- up");
}

/** `two` needs another `one` than the product does; `dev` is for development only. */
function putPackages(base: string): void {
  const modules = join(base, "node_modules");
  putPackage(join(modules, "one"), { name: "one" }, "export default 'one'");
  putPackage(
    join(modules, "two"),
    { name: "two", dependencies: { one: "2" }, optionalDependencies: { absent: "*" } },
    "export { default } from 'one'",
  );
  putPackage(
    join(modules, "two", "node_modules", "one"),
    { name: "one", version: "2.0.0" },
    "export default 'older one'",
  );
  putPackage(join(modules, "dev"), { name: "dev" });
  symlinkSync("index.js", join(modules, "one", "link.js"));
}

const runMain = (root: string) =>
  execFileSync(process.execPath, [join(root, "bin", "fiber.mjs")], { encoding: "utf8" }).trim();

describe.each([
  ["a clone", ""],
  ["an installed package", "node_modules/fiberstack-lite"],
])("an engine made of %s", (_, place) => {
  let base: string;
  let root: string;
  beforeEach(() => {
    base = join(folder, "base");
    root = join(base, place);
    putProduct(root);
    putPackages(base);
  });

  it("runs by itself when the product and its packages are gone", async () => {
    const engine = await keepEngine(stateDir, root);
    expect(engine.id).toMatch(/^1\.2\.3-[0-9a-f]{12}$/);
    rmSync(base, { recursive: true });
    const own = (await openEngine(stateDir, engine.id)) ?? "none";
    expect(runMain(own)).toBe(`${join(own, "dist")} one older one`);
    expect(findInstallation(own).packages.map(({ name }) => name)).not.toContain("dev");
  });

  it("is kept once, again when the product changed, and changes with it never", async () => {
    const first = await keepEngine(stateDir, root);
    expect((await keepEngine(stateDir, root)).id).toBe(first.id);
    appendFileSync(join(root, "dist", "main.js"), "; console.log('changed')");
    const second = await keepEngine(stateDir, root);
    expect(second.id).not.toBe(first.id);
    const own = (await openEngine(stateDir, first.id)) ?? "none";
    expect(runMain(own)).not.toContain("changed");
    expect(readdirSync(enginesFolder(stateDir)).sort()).toEqual([first.id, second.id].sort());
  });

  it("that was damaged is refused by name, and made anew when it is this product's", async () => {
    const engine = await keepEngine(stateDir, root);
    const main = join((await openEngine(stateDir, engine.id)) ?? "none", "dist", "main.js");
    chmodSync(main, 0o644);
    writeFileSync(main, "console.log('not ours')");
    await expect(openEngine(stateDir, engine.id)).rejects.toMatchObject({ code: "ENGINE_DAMAGED" });
    await keepEngine(stateDir, root);
    expect(runMain((await openEngine(stateDir, engine.id)) ?? "none")).toContain("older one");
  });

  it("is not made where a package is missing, and leaves nothing behind", async () => {
    rmSync(join(base, "node_modules", "two"), { recursive: true });
    await expect(keepEngine(stateDir, root)).rejects.toMatchObject({
      code: "ENGINE_INCOMPLETE",
      message: expect.stringMatching(/Package two.*npm ci/),
    });
    expect(readdirSync(stateDir)).toEqual([]);
  });
});

it("shares the packages' files with the clone where the disk allows it, never its own", async () => {
  const root = join(folder, "base");
  putProduct(root);
  putPackages(root);
  const { id } = await keepEngine(stateDir, root);
  const inode = (path: string) => statSync(path).ino;
  const engine = join(enginesFolder(stateDir), id);
  const shared = join("node_modules", "one", "index.js");
  expect(inode(join(engine, shared))).toBe(inode(join(root, shared)));
  const own = join("dist", "main.js");
  expect(inode(join(engine, own))).not.toBe(inode(join(root, own)));
});

describe("the engine of a command", () => {
  let before: string | undefined;
  beforeEach(() => {
    before = process.env.FIBER_STATE_DIR;
    process.env.FIBER_STATE_DIR = stateDir;
  });
  afterEach(() => {
    if (before === undefined) delete process.env.FIBER_STATE_DIR;
    else process.env.FIBER_STATE_DIR = before;
  });

  async function putRun(id: string, engine: string, ended: boolean): Promise<void> {
    const run = join(stateDir, "runs", id);
    // A newer format: only what every format keeps may be read.
    put(join(run, "plan.json"), JSON.stringify({ format: 7, engine, odd: true }, null, 2));
    const lines = ['{"event":"begin"}', ...(ended ? ['{"event":"end","detail":{}}'] : [])];
    put(join(run, "journal.jsonl"), `${lines.join("\n")}\n{"torn`);
  }

  it("is the one that began the unfinished run, for resume and abort", async () => {
    const root = join(folder, "base");
    putProduct(root);
    putPackages(root);
    const { id } = await keepEngine(stateDir, root);
    await putRun("20261122T101500Z-deploy", "0.1.0-other", true);
    await putRun("20261122T101400Z-deploy", id, false);
    for (const verb of ["resume", "abort"]) {
      expect(await engineRoot(["rollback", verb])).toBe(join(enginesFolder(stateDir), id));
    }
  });

  it.each([
    ["deploy", "--help"],
    ["deploy", "v1.0.0", "--dry-run"],
    ["rollback", "status"],
  ])("is the one that lies here for questions (%s %s), and nothing is copied", async (...args) => {
    expect(await engineRoot(args)).toBeNull();
    expect(readdirSync(stateDir)).toEqual([]);
  });
});
