// Makes what is checked out runnable inside the image: from the mounted, read-only sources, with the
// image's packages. Types are stripped by Node itself, so the image needs no compiler.
import { spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { dirname, join } from "node:path";
import { codeFiles, digestsOf, webFiles } from "./digests.mjs";

/** The image's own build. */
const IMAGE_ROOT = "/app";
/** Prepared trees, one a digest; a tmpfs in the compose files. */
const PREPARED = "/tmp/fiber";
const PAGE = join("dist", "fiber-dashboard", "web");

/**
 * The tree to run: the image's own when nothing is mounted, else one made from the mounted sources,
 * whose migrations are read where they are mounted. Its release is the image's, with the first
 * digits of the sources' digest.
 *
 * @param source the mounted clone, undefined for none
 * @param page whether the dashboard's page is needed too
 * @param say told one sentence about what people should know
 * @throws Error naming the file that is no TypeScript, or why the page cannot be bundled
 */
export function prepareTree({ source, page, say }) {
  const image = process.env.FIBER_IMAGE_RELEASE ?? "dev";
  if (source === undefined) return { root: IMAGE_ROOT, digest: null, release: image };
  const built = builtDigests();
  const wanted = digestsOf(source);
  if (wanted.packages !== built.packages) {
    say(
      "package-lock.json is not the one that the image was built from, and the image's packages " +
        "are used: docker-compose -f fiber-deploy/docker-compose.dev.yml build",
    );
  }
  const name = wanted.all.slice(0, 12);
  const root = join(PREPARED, name);
  if (!existsSync(root))
    inOneStep(root, (tree) => makeTree(source, tree, wanted.code === built.code));
  if (page && !existsSync(join(root, PAGE))) {
    inOneStep(join(root, PAGE), (folder) => {
      if (wanted.web === built.web) cpSync(join(IMAGE_ROOT, PAGE), folder, { recursive: true });
      else bundlePage(source, folder, say);
    });
  }
  return { root, digest: wanted.all, release: `${image}+${name}` };
}

/** What the image was built from. */
function builtDigests() {
  return JSON.parse(readFileSync(join(IMAGE_ROOT, "dist", ".digests.json"), "utf8"));
}

/** Makes a folder beside its place, so that nobody meets half of it. */
function inOneStep(folder, make) {
  const unfinished = `${folder}.${process.pid}`;
  rmSync(unfinished, { recursive: true, force: true });
  try {
    mkdirSync(unfinished, { recursive: true });
    make(unfinished);
    renameSync(unfinished, folder);
  } catch (err) {
    rmSync(unfinished, { recursive: true, force: true });
    // Another process of this container was faster.
    if (!existsSync(folder)) throw err;
  }
}

function makeTree(source, tree, asBuilt) {
  for (const file of ["package.json", "bin/fiber.mjs"]) copy(source, tree, file);
  symlinkSync(join(IMAGE_ROOT, "node_modules"), join(tree, "node_modules"));
  mkdirSync(join(tree, "fiber-db"));
  symlinkSync(join(source, "fiber-db", "migrations"), join(tree, "fiber-db", "migrations"));
  if (asBuilt) {
    const notPage = (path) => path !== join(IMAGE_ROOT, PAGE);
    cpSync(join(IMAGE_ROOT, "dist"), join(tree, "dist"), { recursive: true, filter: notPage });
    return;
  }
  for (const path of codeFiles(source)) {
    const target = join(tree, "dist", path.replace(/\.ts$/, ".js"));
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, strip(source, path));
  }
}

function strip(source, path) {
  try {
    return stripTypeScriptTypes(readFileSync(join(source, path), "utf8"));
  } catch (cause) {
    throw new Error(`${path} cannot be run: ${cause.message}`, { cause });
  }
}

/** Bundles the dashboard's page with the tools of the build stage. */
function bundlePage(source, folder, say) {
  const vite = join(IMAGE_ROOT, "node_modules", "vite", "bin", "vite.js");
  if (!existsSync(vite)) {
    throw new Error(
      "the dashboard's page was changed, and this image cannot bundle it: build it again",
    );
  }
  say("the dashboard's page was changed: bundling it");
  const work = `${PREPARED}/page.${process.pid}`;
  try {
    for (const file of ["package.json", "tsconfig.json", ...webFiles(source)])
      copy(source, work, file);
    symlinkSync(join(IMAGE_ROOT, "node_modules"), join(work, "node_modules"));
    const web = join(work, "fiber-dashboard", "web");
    const args = [
      "build",
      web,
      "--config",
      join(web, "vite.config.ts"),
      "--configLoader",
      "native",
    ];
    const out = ["--outDir", folder, "--emptyOutDir", "--logLevel", "warn"];
    const options = { cwd: work, encoding: "utf8", stdio: ["ignore", 2, "pipe"] };
    const { status, stderr } = spawnSync(process.execPath, [vite, ...args, ...out], options);
    if (status !== 0) throw new Error(`the dashboard's page cannot be bundled:\n${stderr.trim()}`);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function copy(from, to, file) {
  mkdirSync(dirname(join(to, file)), { recursive: true });
  cpSync(join(from, file), join(to, file));
}
