import {
  accessSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  readlinkSync,
  symlinkSync,
  unlinkSync,
} from "node:fs";
import { join } from "node:path";
import { packageRoot } from "#runtime";
import type { StatePaths } from "./paths.js";

/**
 * Makes the folders inside a state folder, and the link `backups` in the clone that the runbook
 * lists. A clone that cannot be written, or holds a real folder of that name, is left alone.
 */
export function makeStateParts(paths: StatePaths, say: (line: string) => void): void {
  for (const folder of [paths.logs, paths.probes, paths.backups]) {
    mkdirSync(folder, { recursive: true, mode: 0o750 });
  }
  mkdirSync(paths.tokens, { recursive: true, mode: 0o700 });
  if (existsSync(join(packageRoot, ".git"))) {
    linkBackups(join(packageRoot, "backups"), paths.backups, say);
  }
}

/** Points the link at the backups of this state folder. */
function linkBackups(link: string, backups: string, say: (line: string) => void): void {
  const found = lstatSync(link, { throwIfNoEntry: false });
  if (found !== undefined && !found.isSymbolicLink()) {
    say(`${link} is a folder of your own, so it does not show the backups in ${backups}`);
    return;
  }
  if (found !== undefined && readlinkSync(link) === backups) return;
  try {
    accessSync(join(link, ".."), constants.W_OK);
  } catch {
    return;
  }
  if (found !== undefined) unlinkSync(link);
  symlinkSync(backups, link);
}
