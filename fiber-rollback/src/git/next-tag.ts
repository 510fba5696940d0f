import { FiberError } from "#contracts";

const TAG =
  /^(?<prefix>.*?)(?<major>\d+)\.(?<minor>\d+)\.(?<patch>\d+)(?<suffix>-[A-Za-z][\w.-]*)?$/;

/**
 * The next patch version's tag: `v1.0.0-mvp` → `v1.0.1-mvp`, counted on from the highest patch that
 * exists with the same prefix, major, minor and suffix.
 *
 * @throws FiberError TAG_NOT_A_VERSION
 */
export function nextPatchTag(tag: string, existing: Iterable<string>): string {
  const base = TAG.exec(tag)?.groups;
  if (base === undefined) {
    throw new FiberError(
      "TAG_NOT_A_VERSION",
      `${tag} is no version like v1.0.0-mvp, so the next one is unknown. Name it with --tag.`,
    );
  }
  const { prefix = "", major, minor, suffix = "" } = base;
  const family = (candidate: string): number => {
    const parts = TAG.exec(candidate)?.groups;
    const same =
      parts !== undefined &&
      parts.prefix === prefix &&
      parts.major === major &&
      parts.minor === minor &&
      (parts.suffix ?? "") === suffix;
    return same ? Number(parts.patch) : -1;
  };
  const highest = Math.max(...[tag, ...existing].map(family));
  return `${prefix}${major}.${minor}.${highest + 1}${suffix}`;
}
