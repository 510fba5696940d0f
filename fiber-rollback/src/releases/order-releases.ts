import type { ReleaseRecord, ReleaseStatus } from "./release-record.js";

/** Newest first: by when each last began to run; those that never ran come first, newest first. */
export function newestFirst(records: readonly ReleaseRecord[]): readonly ReleaseRecord[] {
  return records.toSorted(
    (a, b) =>
      Number(b.liveAt === null) - Number(a.liveAt === null) ||
      (b.liveAt ?? b.createdAt).localeCompare(a.liveAt ?? a.createdAt) ||
      b.tag.localeCompare(a.tag),
  );
}

/** Releases that were found good, newest first. */
export function goodReleases(records: readonly ReleaseRecord[]): readonly ReleaseRecord[] {
  return newestFirst(records.filter((record) => record.status === "good"));
}

/**
 * A record with a new status. Times never run backwards, whatever the clock does: the newest
 * release must be the newest after a clock was set back.
 *
 * @param others all records, among which a release that begins to run becomes the newest
 * @param now epoch ms
 */
export function withStatus(
  record: ReleaseRecord,
  to: { readonly status: ReleaseStatus; readonly why: string | null; readonly now: number },
  others: readonly ReleaseRecord[],
): ReleaseRecord {
  const { status, why } = to;
  if (status === "candidate") return { ...record, status, why };
  if (status === "live") {
    const newest = Math.max(-1, ...others.map((one) => Date.parse(one.liveAt ?? "") || -1));
    const liveAt = new Date(Math.max(to.now, newest + 1)).toISOString();
    return { ...record, status, why, liveAt };
  }
  const judged = Math.max(to.now, Date.parse(record.liveAt ?? "") || 0);
  return { ...record, status, why, judgedAt: new Date(judged).toISOString() };
}
