/** A backup as retention sees it. */
export interface PruneCandidate {
  /** Unique; the dump's path. */
  readonly id: string;
  readonly tag: string;
  /** Epoch ms. */
  readonly createdMs: number;
  /** Whether a trial restore was seen equal to its manifest. */
  readonly proven: boolean;
  /** Whether a person gave it a name; such a backup stays until a person removes it. */
  readonly named: boolean;
}

/** How many periods keep their newest backup; days, ISO weeks and months are UTC's. */
export interface Retention {
  readonly daily: number;
  readonly weekly: number;
  readonly monthly: number;
}

/** Retention of the runbook's successor, docs/backup.md. */
export const DEFAULT_RETENTION: Retention = { daily: 7, weekly: 4, monthly: 12 };

/** What stays and why, and what goes. */
export interface PrunePlan {
  readonly keep: readonly { readonly id: string; readonly reasons: readonly string[] }[];
  readonly remove: readonly string[];
}

/**
 * Decides which backups stay: the newest; the newest of each of the last days, weeks and months
 * that have one (a pause in backing up removes nothing); of every good release the newest and the
 * newest proven; the newest proven of all; and those that a person named.
 *
 * @param goodReleases tags whose data must stay restorable
 */
export function planPrune(
  backups: readonly PruneCandidate[],
  goodReleases: readonly string[],
  retention: Retention = DEFAULT_RETENTION,
): PrunePlan {
  const newestFirst = backups.toSorted(
    (a, b) => b.createdMs - a.createdMs || b.id.localeCompare(a.id),
  );
  const reasons = new Map<string, string[]>();
  const keep = (backup: PruneCandidate | undefined, reason: string) => {
    if (backup === undefined) return;
    const known = reasons.get(backup.id) ?? [];
    reasons.set(backup.id, [...known, reason]);
  };

  keep(newestFirst[0], "newest");
  for (const one of keepPeriods(newestFirst, retention.daily, dayOf)) keep(one, "daily");
  for (const one of keepPeriods(newestFirst, retention.weekly, weekOf)) keep(one, "weekly");
  for (const one of keepPeriods(newestFirst, retention.monthly, monthOf)) keep(one, "monthly");
  keep(
    newestFirst.find((one) => one.proven),
    "newest proven",
  );
  for (const one of newestFirst) if (one.named) keep(one, "named");
  for (const tag of new Set(goodReleases)) {
    const ofRelease = newestFirst.filter((one) => one.tag === tag);
    keep(ofRelease[0], `newest of good release ${tag}`);
    keep(
      ofRelease.find((one) => one.proven),
      `newest proven of good release ${tag}`,
    );
  }

  return {
    keep: newestFirst.flatMap(({ id }) => {
      const why = reasons.get(id);
      return why === undefined ? [] : [{ id, reasons: why }];
    }),
    remove: newestFirst.flatMap(({ id }) => (reasons.has(id) ? [] : [id])),
  };
}

/** The newest backup of each of the newest `count` periods that have one. */
function keepPeriods(
  newestFirst: readonly PruneCandidate[],
  count: number,
  periodOf: (ms: number) => string,
): readonly PruneCandidate[] {
  const seen = new Set<string>();
  return newestFirst.filter(({ createdMs }) => {
    const period = periodOf(createdMs);
    if (seen.has(period) || seen.size >= count) return false;
    seen.add(period);
    return true;
  });
}

const DAY_MS = 86_400_000;

function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

function monthOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 7);
}

/** The Monday that an ISO week begins with; 1970-01-01 was a Thursday. */
function weekOf(ms: number): string {
  const day = Math.floor(ms / DAY_MS);
  return dayOf((day - ((day + 3) % 7)) * DAY_MS);
}
