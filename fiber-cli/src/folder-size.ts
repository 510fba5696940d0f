import { lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";

/**
 * Bytes of a file, or of all files below a folder; links are not followed. What vanishes while it
 * is counted (a running database's files) counts as nothing.
 */
export function sizeOf(path: string): number {
  try {
    const found = lstatSync(path);
    if (!found.isDirectory()) return found.size;
    return readdirSync(path).reduce((total, name) => total + sizeOf(join(path, name)), 0);
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === "ENOENT") return 0;
    throw err;
  }
}
