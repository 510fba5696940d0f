import { readFileSync } from "node:fs";
import { join } from "node:path";
import { packageRoot, packageVersion } from "#runtime";

/**
 * The engine that runs here: an engine folder's own id, such as "1.0.0-3f2a9c5d71e0", else the
 * product's version for a clone's own code. A run is resumed by the engine that began it.
 */
export function engineVersion(): string {
  for (const folder of [packageRoot, join(packageRoot, "..", "..")]) {
    const id = readId(join(folder, "engine.json"));
    if (id !== null) return id;
  }
  return packageVersion;
}

function readId(path: string): string | null {
  try {
    const { id } = JSON.parse(readFileSync(path, "utf8")) as { id?: unknown };
    return typeof id === "string" ? id : null;
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw err;
  }
}
