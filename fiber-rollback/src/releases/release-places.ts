import { join } from "node:path";
import { FiberError } from "#contracts";

/** `<state>/releases`: one folder a release, named by its tag. */
export function releasesFolder(stateDir: string): string {
  return join(stateDir, "releases");
}

/** `<state>/releases/<tag>`: its record and, once built, its tree. */
export function releaseFolder(stateDir: string, tag: string): string {
  return join(releasesFolder(stateDir), checkReleaseTag(tag));
}

/** `<state>/releases/<tag>/tree`: the built release, never changed after it was made. */
export function releaseTree(stateDir: string, tag: string): string {
  return join(releaseFolder(stateDir, tag), "tree");
}

/** `<state>/releases/<tag>/release.json`. */
export function releaseFile(stateDir: string, tag: string): string {
  return join(releaseFolder(stateDir, tag), "release.json");
}

/** Whether a tag can name a folder, a backup and an image everywhere. */
export function isReleaseTag(tag: string): boolean {
  return (
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(tag) &&
    !/\.(dump|age|json|sql|lock)$/.test(tag) &&
    tag !== "base" &&
    tag !== "dev"
  );
}

/** @throws FiberError USAGE for a tag that cannot name a release */
export function checkReleaseTag(tag: string): string {
  if (isReleaseTag(tag)) return tag;
  throw new FiberError(
    "USAGE",
    `"${tag}" cannot name a release. Use letters, digits, dot, dash and underscore, at most 64, ` +
      'beginning with a letter or a digit, as in v1.0.0-mvp; not "base" or "dev".',
  );
}
