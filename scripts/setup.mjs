// Makes a clone ready: packages, build, and for tests the programs they need. Says what it does.
// Runs before `npm start` (mode "start") and `npm test` (mode "test"), on plain Node, so it may
// import nothing but Node and its neighbours. Doing nothing takes well under a second.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { buildIsFresh, runBuild } from "./setup/build-stamp.mjs";
import { withLock } from "./setup/lock.mjs";
import { installPackages, packagesAreFresh } from "./setup/packages.mjs";
import { provideTools } from "./setup/tools.mjs";

const root = join(import.meta.dirname ?? new URL(".", import.meta.url).pathname, "..");

/** One short line about what is being done. */
function say(line) {
  console.error(`set-up: ${line}`);
}

function checkNode() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  throw new Error(
    `Node ${process.versions.node} is too old: install Node 20.19 or newer and run this again.`,
  );
}

async function setUp(mode) {
  checkNode();
  if (mode !== "start" && mode !== "test") {
    throw new Error(`scripts/setup.mjs takes "start" or "test", not "${mode ?? ""}".`);
  }
  // An installed package carries its build and no lockfile: nothing to set up.
  if (!existsSync(join(root, "package-lock.json"))) return;
  if (!(packagesAreFresh(root) && buildIsFresh(root))) {
    await withLock(join(root, ".fiber-setup.lock"), say, async () => {
      if (!packagesAreFresh(root)) await installPackages(root, say);
      if (!buildIsFresh(root)) await runBuild(root, say);
    });
  }
  if (mode === "test") await provideTools(say);
}

try {
  await setUp(process.argv[2]);
} catch (err) {
  console.error(`set-up failed: ${err.message}`);
  process.exitCode = 1;
}
