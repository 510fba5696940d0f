// The image's entry point: runs one role, or any other command of `fiber`. With a clone mounted at
// FIBER_SOURCE it runs what is checked out there, and begins anew when that was changed.
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { fingerprint } from "./digests.mjs";
import { prepareTree } from "./served-tree.mjs";

/** Roles that run until they are stopped. */
const ROLES = new Set(["api", "etl", "dashboard", "probe"]);
const LOOK_EVERY_MS = 3_000;
/** Says why the role does not run; the health check reads it. */
const TROUBLE = "/tmp/fiber/trouble";

const [command = "--help", ...rest] = process.argv.slice(2);
const source = process.env.FIBER_SOURCE || undefined;
const isRole = ROLES.has(command);
const page = command === "dashboard";

/** One sentence for people, in a line of its own. */
function say(sentence) {
  process.stderr.write(`container: ${sentence}\n`);
}

function trouble(sentence) {
  say(sentence);
  mkdirSync("/tmp/fiber", { recursive: true });
  writeFileSync(TROUBLE, `${sentence}\n`);
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** What is checked out; waits until it can be run, because a container that ends helps nobody. */
async function awaitTree() {
  for (let told = ""; ; await sleep(LOOK_EVERY_MS)) {
    try {
      const tree = prepareTree({ source, page, say });
      rmSync(TROUBLE, { force: true });
      return tree;
    } catch (err) {
      if (!isRole) throw err;
      if (told !== err.message) trouble(`${err.message}; waiting until it is mended`);
      told = err.message;
    }
  }
}

/** Stops the role once other sources are there and can be run: Docker then starts it with them. */
function restartWhenChanged(running) {
  let last = fingerprint(source);
  let looked = last;
  let told = "";
  const look = () => {
    const now = fingerprint(source);
    // Looked at again when it has come to rest: a checkout writes many files.
    const rests = now === last;
    last = now;
    if (!rests || now === looked) return;
    looked = now;
    const next = prepareTree({ source, page, say });
    if (next.digest === running.digest) return;
    say(`what is checked out was changed: ${next.release} instead of ${running.release}`);
    process.kill(process.pid, "SIGTERM");
  };
  setInterval(() => {
    try {
      look();
    } catch (err) {
      if (told !== err.message)
        say(`${err.message}; ${running.release} goes on until it is mended`);
      told = err.message;
      looked = "";
    }
  }, LOOK_EVERY_MS).unref();
}

try {
  const stop = () => process.exit(0);
  process.once("SIGTERM", stop);
  const tree = await awaitTree();
  process.removeListener("SIGTERM", stop);
  process.env.FIBER_RELEASE ||= tree.release;
  const program = join(tree.root, "bin", "fiber.mjs");
  process.argv = [process.execPath, program, command, ...rest];
  if (isRole && source !== undefined) restartWhenChanged(tree);
  await import(pathToFileURL(program).href);
} catch (err) {
  say(err.message);
  process.exitCode = 1;
}
