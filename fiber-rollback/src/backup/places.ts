import { join } from "node:path";
import { FiberError } from "#contracts";

/** `<state>/backups`: every dump, base backup and link lives below it. */
export function backupsFolder(stateDir: string): string {
  return join(stateDir, "backups");
}

/** `<state>/backups/<tag>`. */
export function tagFolder(stateDir: string, tag: string): string {
  return join(backupsFolder(stateDir), tag);
}

/** The runbook's name: a link to the newest verified dump of a release. */
export function tagLink(stateDir: string, tag: string, encrypted: boolean): string {
  return join(backupsFolder(stateDir), `${tag}${dumpSuffix(encrypted)}`);
}

/** `.dump`, or `.dump.age` for an encrypted one, which pg_restore does not read. */
export function dumpSuffix(encrypted: boolean): string {
  return encrypted ? ".dump.age" : ".dump";
}

/** A moment as it stands in file names: 20261122T101500Z. */
export function timeName(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19).replaceAll(/[-:]/g, "")}Z`;
}

/** Whether a dump has the time for its name, and not one that a person gave it. */
export function isTimeName(dumpPath: string): boolean {
  return /\/\d{8}T\d{6}Z\.dump(\.age)?$/.test(dumpPath);
}

/** Folders in `backups/` that are no release's. */
const RESERVED = new Set(["base"]);

/**
 * @param what "tag" or "name", for the message
 * @throws FiberError USAGE for a text that cannot be a file name everywhere
 */
export function checkName(text: string, what: string): void {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(text) && !RESERVED.has(text)) {
    if (!/\.(dump|age|json|sql)$/.test(text)) return;
  }
  throw new FiberError(
    "USAGE",
    `"${text}" cannot be a backup's ${what}. Use letters, digits, dot, dash and underscore, at ` +
      'most 64, beginning with a letter or a digit; not "base", and not ending like a file.',
  );
}
