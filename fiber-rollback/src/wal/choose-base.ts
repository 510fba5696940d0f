import { FiberError } from "#contracts";
import type { BaseFound } from "./base-manifest.js";
import type { RestorePoint } from "./restore-points.js";
import { missingSegments, parseLsn, segmentOf } from "./segments.js";

/** Where recovery is to stop. */
export type RecoveryTarget =
  | { readonly kind: "point"; readonly point: RestorePoint }
  | { readonly kind: "time"; readonly timeMs: number };

/**
 * The base backup from which the least WAL has to be read: the newest that was complete before the
 * target and comes from the same server and timeline.
 *
 * @throws FiberError NO_BASE_BACKUP
 */
export function chooseBase(bases: readonly BaseFound[], target: RecoveryTarget): BaseFound {
  const fitting = bases.filter((base) => reaches(base, target));
  const best = fitting.toSorted((a, b) => b.endMs - a.endMs)[0];
  if (best !== undefined) return best;
  const oldest = bases[0];
  const what = target.kind === "point" ? `restore point ${target.point.name}` : iso(target.timeMs);
  throw new FiberError(
    "NO_BASE_BACKUP",
    oldest === undefined
      ? `There is no base backup to reach ${what} from. Restore a dump (fiber backup list); from ` +
          "now on take base backups: fiber backup base."
      : `No base backup reaches ${what}: the oldest was complete at ${iso(oldest.endMs)}, or is ` +
          "another server's. Restore a dump instead (fiber backup list).",
  );
}

/**
 * @param present names of the archived segments
 * @param last the last segment that is needed, null when only the newest archived is known
 * @throws FiberError ARCHIVE_HOLE naming the segments that are not there
 */
export function refuseHoles(
  base: BaseFound,
  present: readonly string[],
  last: string | null,
): readonly string[] {
  const { timeline, startLsn, segmentBytes } = base.manifest;
  const first = segmentOf(startLsn, timeline, segmentBytes);
  const ofTimeline = present.filter((name) => name.slice(0, 8) === first.slice(0, 8));
  const end = last ?? ofTimeline.at(-1) ?? first;
  const missing = missingSegments(ofTimeline, { first, last: end, segmentBytes });
  if (missing.length === 0) return ofTimeline.filter((name) => name >= first && name <= end);
  const named = missing.slice(0, 5).join(", ");
  throw new FiberError(
    "ARCHIVE_HOLE",
    `The WAL archive lacks ${missing.length} segment(s) between the base backup ${base.path} and the ` +
      `target: ${named}${missing.length > 5 ? ", …" : ""}. Put them back, choose a target before the ` +
      "hole, or restore a dump (fiber backup list).",
  );
}

function reaches(base: BaseFound, target: RecoveryTarget): boolean {
  if (target.kind === "time") return base.endMs <= target.timeMs;
  const { point } = target;
  const { manifest } = base;
  if (point.systemIdentifier !== manifest.systemIdentifier) return false;
  if (point.lsn === null) return base.endMs <= Date.parse(point.createdAt);
  return point.timeline === manifest.timeline && parseLsn(manifest.stopLsn) <= parseLsn(point.lsn);
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
