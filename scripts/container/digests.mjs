// What a tree would serve, as digests: the roles' code, the dashboard's page, the packages.
// Printed as JSON when it is run by itself: `node scripts/container/digests.mjs [ROOT]`.
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";

/** Folders whose files no role runs. */
const NO_ROLES = new Set(["fiber-testkit", "fiber-deploy"]);

/** Source files of the roles, relative to `root`, sorted; those of tests are none. */
export function codeFiles(root) {
  const folders = readdirSync(root).filter((name) => /^fiber-/.test(name) && !NO_ROLES.has(name));
  return folders
    .flatMap((folder) => walk(root, join(folder, "src")))
    .filter((path) => path.endsWith(".ts") && !/\.(test|itest|itest-kit)\.ts$/.test(path))
    .sort();
}

/** Source files of the dashboard's page, relative to `root`, sorted. */
export function webFiles(root) {
  const page = walk(root, join("fiber-dashboard", "web"));
  return [...page, ...walk(root, join("fiber-contracts", "src"))]
    .filter((path) => !/\.(test|itest)\.tsx?$|\/web\/testing\//.test(path))
    .sort();
}

/** The digests of a tree; `all` stands for everything that is served. Migrations are read live. */
export function digestsOf(root) {
  const code = digest(root, ["package.json", "bin/fiber.mjs", ...codeFiles(root)]);
  const web = digest(root, webFiles(root));
  const packages = digest(root, ["package-lock.json"]);
  const all = createHash("sha256").update(`${code} ${web} ${packages}`).digest("hex");
  return { code, web, packages, all };
}

/** Changes whenever a file of the tree was written; cheaper than its digests. */
export function fingerprint(root) {
  const hash = createHash("sha256");
  for (const path of ["package.json", "package-lock.json", ...codeFiles(root), ...webFiles(root)]) {
    const { mtimeMs, size, ino } = statSync(join(root, path), { throwIfNoEntry: false }) ?? {};
    hash.update(`${path}\0${mtimeMs}\0${size}\0${ino}\n`);
  }
  return hash.digest("hex");
}

function digest(root, paths) {
  const hash = createHash("sha256");
  for (const path of paths) {
    hash
      .update(`${path}\0`)
      .update(readFileSync(join(root, path)))
      .update("\0");
  }
  return hash.digest("hex");
}

function walk(root, folder) {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return entry.name === "node_modules" ? [] : walk(root, path);
    return entry.isFile() ? [relative("", path)] : [];
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.stdout.write(`${JSON.stringify(digestsOf(process.argv[2] ?? "."))}\n`);
}
