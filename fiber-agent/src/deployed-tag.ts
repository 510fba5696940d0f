import { readlinkSync } from "node:fs";
import { basename, dirname, join } from "node:path";

/** The tag that `<state>/current` points at; "dev" before the first deployment. */
export function deployedTag(stateDir: string): string {
  try {
    return basename(dirname(readlinkSync(join(stateDir, "current"))));
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === "ENOENT") return "dev";
    throw err;
  }
}
