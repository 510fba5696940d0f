import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { FiberError } from "#contracts";

/** A package that the product needs to run, and where it lies below `base`. */
interface InstalledPackage {
  readonly name: string;
  readonly version: string;
  /** Relative to {@link Installation.base}. */
  readonly at: string;
}

/** The product as it is installed: in a clone, or in somebody's node_modules. */
export interface Installation {
  /** The folder below which product and packages lie. */
  readonly base: string;
  /** The product's folder relative to `base`; "" in a clone. */
  readonly root: string;
  /** Sorted by place. */
  readonly packages: readonly InstalledPackage[];
}

interface Manifest {
  readonly name?: string;
  readonly version?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

/**
 * Finds what the product needs to run, as Node would: each package from its user's folder upwards.
 * What only its development needs is left out.
 *
 * @throws FiberError ENGINE_INCOMPLETE naming a package that is missing
 */
export function findInstallation(productRoot: string): Installation {
  const above = dirname(productRoot);
  const base = basename(above) === "node_modules" ? dirname(above) : productRoot;
  const found = new Map<string, InstalledPackage>();
  const open = [relative(base, productRoot)];
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    const manifest = readManifest(join(base, at));
    for (const { name, required } of needsOf(manifest)) {
      const place = locate(base, at, name);
      if (place === null && required) throw missing(name, manifest.name ?? at);
      if (place === null || found.has(place)) continue;
      const { version = "unknown" } = readManifest(join(base, place));
      found.set(place, { name, version, at: place });
      open.push(place);
    }
  }
  const packages = [...found.values()].sort((a, b) => (a.at < b.at ? -1 : 1));
  return { base, root: relative(base, productRoot), packages };
}

function needsOf(manifest: Manifest): readonly { name: string; required: boolean }[] {
  const { dependencies = {}, optionalDependencies = {}, peerDependencies = {} } = manifest;
  // npm lists an optional dependency among the others too.
  const required = Object.keys(dependencies).filter((name) => !(name in optionalDependencies));
  const optional = [...Object.keys(optionalDependencies), ...Object.keys(peerDependencies)];
  return [
    ...required.map((name) => ({ name, required: true })),
    ...optional.map((name) => ({ name, required: false })),
  ];
}

function locate(base: string, user: string, name: string): string | null {
  for (let folder = user; ; folder = parentOf(folder)) {
    const place = join(folder, "node_modules", name);
    if (existsSync(join(base, place, "package.json"))) return place;
    if (folder === "") return null;
  }
}

function parentOf(folder: string): string {
  const parent = dirname(folder);
  return parent === "." ? "" : parent;
}

function readManifest(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Manifest;
}

function missing(name: string, user: string): FiberError {
  return new FiberError(
    "ENGINE_INCOMPLETE",
    `Package ${name}, which ${user} needs, is not installed beside it. Install with npm (npm ci in a ` +
      "clone, npm install elsewhere) and try again.",
  );
}
