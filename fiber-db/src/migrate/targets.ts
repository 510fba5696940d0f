import { FiberError } from "#contracts";

/**
 * How many of `known` migrations shall be applied after an upgrade to `target`: `head`, `+n`
 * (n more than now), or a revision.
 *
 * @throws FiberError USAGE for a target that cannot be meant
 */
export function upgradeTarget(target: string, known: number, applied: number): number {
  if (target === "head") return known;
  const relative = /^\+(\d{1,4})$/.exec(target);
  const wanted = relative ? applied + Number(relative[1]) : revisionNumber(target);
  if (wanted > known || (relative && wanted === applied)) {
    throw new FiberError(
      "USAGE",
      `There is no migration at "${target}": ${applied} of ${known} are applied. ` +
        "Name head, +n or a revision that fiber migrate history lists.",
    );
  }
  if (wanted < applied) {
    throw new FiberError(
      "USAGE",
      `The database is past ${target} already; take it back with: fiber migrate downgrade ${target}`,
    );
  }
  return wanted;
}

/**
 * How many migrations shall be left after a downgrade to `target`: `base` (none), `-n` (n fewer
 * than now), or the revision to keep.
 *
 * @throws FiberError USAGE for a target that cannot be meant
 */
export function downgradeTarget(target: string, applied: number): number {
  if (target === "base") return 0;
  const relative = /^-(\d{1,4})$/.exec(target);
  const wanted = relative ? applied - Number(relative[1]) : revisionNumber(target);
  if (wanted < 0 || wanted > applied || (relative && wanted === applied)) {
    throw new FiberError(
      "USAGE",
      `There is no way down to "${target}": ${applied} migrations are applied. ` +
        "Name base, -n or an applied revision that fiber migrate history lists.",
    );
  }
  return wanted;
}

function revisionNumber(text: string): number {
  if (/^\d{1,4}$/.test(text) && Number(text) > 0) return Number(text);
  throw new FiberError("USAGE", `"${text}" is no revision; revisions look like 0004.`);
}
