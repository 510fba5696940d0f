import { createHash } from "node:crypto";
import { constants, existsSync } from "node:fs";
import {
  chmod,
  copyFile,
  link,
  mkdir,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  symlink,
  writeFile,
} from "node:fs/promises";
import { dirname, join } from "node:path";
import { z } from "zod";
import { FiberError } from "#contracts";
import { findInstallation, type Installation } from "./production-packages.js";

const engineSchema = z.object({
  format: z.literal(1),
  /** Version and the beginning of the digest, such as "1.0.0-3f2a9c5d71e0". */
  id: z.string(),
  /** SHA-256 of the product's own files, and of the packages' names and versions. */
  digest: z.string(),
  /** The product's folder within the engine; "" for its top. */
  root: z.string(),
  createdAt: z.string(),
});

/** An engine's description, kept in its `engine.json`. */
export type Engine = z.output<typeof engineSchema>;

/** The product's own parts: what an engine is made of, besides its packages. */
const OWN_PARTS = ["bin", "dist", "package.json", "fiber-db/migrations"];

/** `<state>/engine`: one folder an engine. */
export function enginesFolder(stateDir: string): string {
  return join(stateDir, "engine");
}

/**
 * Copies the product that runs here into `<state>/engine/<id>`, unless it is there already: a run
 * then depends neither on the clone, which a deploy checks out and rebuilds, nor on what it
 * switches. Packages are hard links where the disk allows it: npm replaces files, it does not
 * write into them.
 *
 * @throws FiberError ENGINE_INCOMPLETE
 */
export async function keepEngine(stateDir: string, productRoot: string): Promise<Engine> {
  const installation = findInstallation(productRoot);
  const engine = await describe(installation, productRoot);
  const folder = join(enginesFolder(stateDir), engine.id);
  if (existsSync(join(folder, "engine.json"))) {
    if (await isWhole(folder, engine)) return engine;
    await rename(folder, `${folder}.damaged-${Date.now()}`);
  }
  const unfinished = `${folder}.${process.pid}.partial`;
  await rm(unfinished, { recursive: true, force: true });
  try {
    await mkdir(join(unfinished, engine.root), { recursive: true, mode: 0o755 });
    for (const part of OWN_PARTS) {
      await copyTree(join(productRoot, part), join(unfinished, engine.root, part), copyOne);
    }
    for (const { at } of installation.packages) {
      await copyTree(join(installation.base, at), join(unfinished, at), linkOne);
    }
    await writeFile(join(unfinished, "engine.json"), `${JSON.stringify(engine, null, 2)}\n`);
    await rename(unfinished, folder);
  } catch (err) {
    // Another command has made the same engine meanwhile.
    if (!existsSync(join(folder, "engine.json"))) throw err;
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
  return engine;
}

/**
 * Opens an engine and checks that its files are those that were kept.
 *
 * @returns the product's folder in it, absolute; null when there is no such engine
 * @throws FiberError ENGINE_DAMAGED
 */
export async function openEngine(stateDir: string, id: string): Promise<string | null> {
  const folder = join(enginesFolder(stateDir), id);
  const text = await readFile(join(folder, "engine.json"), "utf8").catch(() => null);
  if (text === null) return null;
  const parsed = engineSchema.safeParse(JSON.parse(text));
  if (parsed.success && parsed.data.id === id && (await isWhole(folder, parsed.data))) {
    return join(folder, parsed.data.root);
  }
  throw new FiberError(
    "ENGINE_DAMAGED",
    `The engine in ${folder} is not as it was kept. If its run must go on with this version, say ` +
      "so with --other-engine REASON.",
  );
}

async function describe(installation: Installation, productRoot: string): Promise<Engine> {
  const { version = "0" } = JSON.parse(
    await readFile(join(productRoot, "package.json"), "utf8"),
  ) as { version?: string };
  const digest = await digestOf(productRoot, installation);
  return {
    format: 1,
    id: `${version}-${digest.slice(0, 12)}`,
    digest,
    root: installation.root,
    createdAt: new Date().toISOString(),
  };
}

async function isWhole(folder: string, engine: Engine): Promise<boolean> {
  const root = join(folder, engine.root);
  try {
    return (await digestOf(root, findInstallation(root))) === engine.digest;
  } catch (err) {
    if (err instanceof FiberError || (err as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw err;
  }
}

/** Same files, same packages at the same places: same digest, wherever they lie. */
async function digestOf(root: string, { packages }: Installation): Promise<string> {
  const hash = createHash("sha256");
  for (const part of OWN_PARTS) {
    for (const path of await filesBelow(root, part)) {
      const content = createHash("sha256").update(await readFile(join(root, path)));
      hash.update(`${path}\0${content.digest("hex")}\n`);
    }
  }
  for (const { at, name, version } of packages) hash.update(`${at}\0${name}@${version}\n`);
  return hash.digest("hex");
}

async function filesBelow(root: string, part: string): Promise<readonly string[]> {
  const entries = await readdir(join(root, part), { withFileTypes: true }).catch(
    (err: NodeJS.ErrnoException) => {
      if (err.code === "ENOTDIR") return null;
      throw err;
    },
  );
  if (entries === null) return [part];
  const paths: string[] = [];
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    paths.push(...(await filesBelow(root, join(part, entry.name))));
  }
  return paths;
}

/** Copies a file, or a folder without the packages nested in it, which are copied by themselves. */
async function copyTree(
  from: string,
  to: string,
  one: (from: string, to: string) => Promise<void>,
): Promise<void> {
  const entries = await readdir(from, { withFileTypes: true }).catch(
    (err: NodeJS.ErrnoException) => {
      if (err.code === "ENOTDIR") return null;
      throw err;
    },
  );
  if (entries === null) {
    await mkdir(dirname(to), { recursive: true, mode: 0o755 });
    return await one(from, to);
  }
  await mkdir(to, { recursive: true, mode: 0o755 });
  for (const entry of entries) {
    if (entry.name === "node_modules") continue;
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) await copyTree(source, target, one);
    else if (entry.isSymbolicLink()) await symlink(await readlink(source), target);
    else await one(source, target);
  }
}

/** The product's own files: copied, because an editor may write into the clone's. */
async function copyOne(from: string, to: string): Promise<void> {
  await copyFile(from, to, constants.COPYFILE_FICLONE);
  await chmod(to, 0o444);
}

/** Other disk, foreign owner, too many links: then it is copied. */
const LINK_REFUSED = new Set(["EXDEV", "EPERM", "EMLINK", "ENOTSUP", "EACCES"]);

async function linkOne(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (err) {
    if (!LINK_REFUSED.has((err as NodeJS.ErrnoException).code ?? "")) throw err;
    await copyFile(from, to, constants.COPYFILE_FICLONE);
  }
}
