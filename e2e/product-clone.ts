import { execFileSync } from "node:child_process";
import { cpSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "#runtime";
import { createTestRepository } from "#testkit";

/** How a release differs from the one before: files by path, null removes one. */
export type Changes = Readonly<Record<string, ((text: string) => string) | string | null>>;

/** The product in a clone of its own with a bare remote, released by signed tags. */
export interface ProductClone {
  readonly folder: string;
  /** Commits changes on top of what was released last, tags and pushes; returns the commit. */
  release(tag: string, changes?: Changes): string;
  /** Takes the last release's changes out again, as a revert does. */
  revert(): void;
  remove(): void;
}

/**
 * Makes the clone from the files that git knows here. Its build reuses what is built in this tree
 * (build-release.mjs), its gates are one that takes no time, and its verification is patient for
 * `withinS` seconds: a busy machine must not make a good release bad.
 */
export function createProductClone(withinS: number): ProductClone {
  const repository = createTestRepository();
  const { folder, git } = repository;
  const listed = execFileSync("git", ["ls-files", "-z", "--cached"], {
    cwd: packageRoot,
    encoding: "utf8",
    maxBuffer: 64e6,
  });
  for (const file of listed.split("\0").filter((name) => name !== "" && !/\.png$/.test(name))) {
    cpSync(join(packageRoot, file), join(folder, file));
  }
  const project = join(folder, "fiber.yaml");
  writeFileSync(project, projectFile(readFileSync(project, "utf8"), withinS));
  repository.commit("Take the product over", {});
  return {
    folder,
    release(tag, changes = {}) {
      const files: Record<string, string> = {};
      for (const [path, change] of Object.entries(changes)) {
        if (change === null) git("rm", "--quiet", path);
        else if (typeof change === "string") files[path] = change;
        else files[path] = changed(path, readFileSync(join(folder, path), "utf8"), change);
      }
      const commit = repository.commit(`Release ${tag}`, files);
      git("tag", "--sign", `--message=${tag}`, tag, commit);
      git("push", "--quiet", "origin", "release/mvp", tag);
      return commit;
    },
    revert: () => {
      git("revert", "--no-edit", "HEAD");
    },
    remove: () => repository.remove(),
  };
}

/** The name of the next migration in the product's folder: "0007_what". */
export function nextMigration(name: string): string {
  const files = readdirSync(join(packageRoot, "fiber-db", "migrations"));
  const next = files.filter((file) => file.endsWith(".sql")).length + 1;
  return `fiber-db/migrations/${String(next).padStart(4, "0")}_${name}.sql`;
}

/** A change that changes nothing would make a broken release a good one. */
function changed(path: string, text: string, change: (text: string) => string): string {
  const next = change(text);
  if (next === text) throw new Error(`${path} is not as this test expects: nothing was changed`);
  return next;
}

function projectFile(text: string, withinS: number): string {
  const build = `build:\n  - node e2e/build-release.mjs ${packageRoot}\n`;
  const gates = `gates:\n  - { id: sound, title: It is a package, run: test -s package.json }\n`;
  return text
    .replace(/^build:\n(?: {2}.*\n)+/m, build)
    .replace(/^gates:\n(?: {2}.*\n)+/m, gates)
    .replaceAll(/, hold_s: \d+/g, "")
    .replaceAll(/( {2}- \{ id: .*kind: fiber-[a-z]+)/g, `$1, within_s: ${withinS}`);
}
