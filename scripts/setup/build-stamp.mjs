import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { runStep } from "./run-step.mjs";

/** Files outside the source folders that the build depends on. */
const SINGLE_INPUTS = [
  "package.json",
  "package-lock.json",
  "tsconfig.json",
  "tsconfig.build.json",
  "scripts/build.mjs",
];

/**
 * A digest of everything the build is made from. Contents rather than times, because git sets
 * times at will; a few hundred small files take some 50 ms.
 */
export function sourceStamp(root) {
  const folders = readdirSync(root).filter((name) => name.startsWith("fiber-"));
  const files = [
    ...SINGLE_INPUTS.map((name) => join(root, name)),
    ...folders.flatMap((name) => [...walk(join(root, name))]),
  ].filter((path) => existsSync(path));
  const hash = createHash("sha256");
  for (const path of files.sort()) {
    hash
      .update(`${relative(root, path)}\0`)
      .update(readFileSync(path))
      .update("\0");
  }
  return hash.digest("hex");
}

/** Whether dist/ was built from exactly these sources. */
export function buildIsFresh(root) {
  const path = join(root, "dist", ".stamp");
  return existsSync(path) && readFileSync(path, "utf8") === sourceStamp(root);
}

/** Builds into dist/; the build's own output goes to stderr. */
export async function runBuild(root, say) {
  say("building");
  const started = Date.now();
  const script = join(root, "scripts", "build.mjs");
  const result = await runStep(process.execPath, [script], { cwd: root });
  if (result.status !== 0) throw new Error("the build failed; its messages are above.");
  say(`built in ${Math.round((Date.now() - started) / 1000)} s`);
}

function* walk(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      if (entry.name !== "node_modules" && entry.name !== "dist") yield* walk(path);
    } else if (!/\.(test|itest)\.tsx?$|\.md$|\.sql$/.test(entry.name)) {
      yield path;
    }
  }
}
