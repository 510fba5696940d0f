import type { BackupFound } from "../backup/list-backups.js";
import { goodReleases, newestFirst } from "./order-releases.js";
import type { ReleaseRecord } from "./release-record.js";

/** How many good releases stay ready to run. */
const KEEP_GOOD = 2;

/** Which releases keep their artefact and why, and which give it up. */
export interface ReleasePrunePlan {
  readonly keep: readonly { readonly tag: string; readonly reasons: readonly string[] }[];
  readonly remove: readonly string[];
}

/**
 * Decides whose built artefact may go: not that of what runs or began to run, nor of the last two
 * good releases, nor of a candidate that is newer than these. Records always stay: they are the
 * history, and an artefact can be built again from its tag.
 *
 * @param running the tag that runs now; null when nothing runs or nobody can tell
 */
export function planReleasePrune(
  records: readonly ReleaseRecord[],
  running: string | null,
): ReleasePrunePlan {
  const lastGood = goodReleases(records).slice(0, KEEP_GOOD);
  const since = lastGood.map((record) => record.createdAt).sort()[0] ?? "";
  const reasonsOf = (record: ReleaseRecord): readonly string[] => {
    const good = lastGood.indexOf(record);
    return [
      ...(record.tag === running ? ["runs now"] : []),
      ...(record.status === "live" ? ["is not judged yet"] : []),
      ...(good === 0 ? ["last good"] : good > 0 ? [`good before it`] : []),
      ...(record.status === "candidate" && record.createdAt >= since ? ["may be next"] : []),
    ];
  };
  const judged = newestFirst(records).map((record) => ({ record, reasons: reasonsOf(record) }));
  return {
    keep: judged.flatMap(({ record, reasons }) =>
      reasons.length > 0 ? [{ tag: record.tag, reasons }] : [],
    ),
    remove: judged.flatMap(({ record, reasons }) =>
      reasons.length === 0 && record.artefact !== null ? [record.tag] : [],
    ),
  };
}

/** What a prune did: tags whose artefact went, and those whose artefact could not be removed. */
export interface ReleasesPruned {
  readonly removed: readonly string[];
  readonly kept: readonly { readonly tag: string; readonly problem: string }[];
}

/**
 * Removes what a plan gives up. One that cannot be removed is told and does not keep the others.
 *
 * @param remove the deploy driver's: false for what is gone already
 */
export async function pruneReleases(
  plan: ReleasePrunePlan,
  remove: (tag: string) => Promise<boolean>,
): Promise<ReleasesPruned> {
  const removed: string[] = [];
  const kept: { tag: string; problem: string }[] = [];
  for (const tag of plan.remove) {
    try {
      if (await remove(tag)) removed.push(tag);
    } catch (err) {
      kept.push({ tag, problem: (err as Error).message });
    }
  }
  return { removed, kept };
}

/**
 * Tags whose data must stay restorable whatever the age of their backups: good releases, what runs
 * unjudged, and tags of which nobody recorded whether they were good.
 */
export function restorableTags(
  records: readonly ReleaseRecord[],
  backups: readonly Pick<BackupFound, "tag">[],
): readonly string[] {
  const known = new Map(records.map((record) => [record.tag, record.status]));
  const needed = records.filter(({ status }) => status === "good" || status === "live");
  const unknown = backups.filter(({ tag }) => !known.has(tag));
  return [...new Set([...needed, ...unknown].map(({ tag }) => tag))];
}
