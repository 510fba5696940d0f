// Builds the product into dist/: TypeScript of every folder, then the dashboard's web page.
// Builds beside and swaps whole folders, so that a running stack never meets half a build.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { sourceStamp } from "./setup/build-stamp.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const require = createRequire(join(root, "package.json"));
const dist = join(root, "dist");
const fresh = join(root, `dist.new-${process.pid}`);
const old = join(root, `dist.old-${process.pid}`);

/** Runs a package's command with this Node; its output goes to stderr. */
function run(packageName, bin, args) {
  const { bin: bins } = require(`${packageName}/package.json`);
  const script = join(dirname(require.resolve(`${packageName}/package.json`)), bins[bin]);
  const result = spawnSync(process.execPath, [script, ...args], {
    cwd: root,
    stdio: ["ignore", 2, 2],
  });
  if (result.status !== 0) throw new Error(`${bin} failed`);
}

/** Removes what a killed build left behind: folders of processes that are gone. */
function removeLeftovers() {
  for (const name of readdirSync(root)) {
    const pid = /^dist\.(?:new|old)-(\d+)$/.exec(name)?.[1];
    if (pid !== undefined && !isAlive(Number(pid))) {
      rmSync(join(root, name), { recursive: true, force: true });
    }
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (err) {
    return err.code === "EPERM";
  }
}

try {
  removeLeftovers();
  // Taken first: a source that changes while the build runs makes the build stale, not wrong.
  const stamp = sourceStamp(root);
  mkdirSync(fresh);
  run("typescript", "tsc", ["-p", "tsconfig.build.json", "--outDir", fresh]);
  const web = join(root, "fiber-dashboard", "web");
  const viteConfig = join(web, "vite.config.ts");
  if (existsSync(viteConfig)) {
    const outDir = join(fresh, "fiber-dashboard", "web");
    const log = ["--logLevel", "warn"];
    run("vite", "vite", [
      ...["build", web, "--config", viteConfig, "--outDir", outDir, "--emptyOutDir"],
      ...log,
    ]);
  }
  writeFileSync(join(fresh, ".stamp"), stamp);
  if (existsSync(dist)) renameSync(dist, old);
  renameSync(fresh, dist);
} catch (err) {
  console.error(`build failed: ${err.message}`);
  process.exitCode = 1;
} finally {
  rmSync(fresh, { recursive: true, force: true });
  rmSync(old, { recursive: true, force: true });
}
