import { FiberError } from "#contracts";
import { makePrivateFolder, writeDurably } from "../durable-files.js";
import { goodReleases, newestFirst, withStatus } from "./order-releases.js";
import { readRecord, readRecords } from "./read-records.js";
import { backupsOf, embedInNewestBackup } from "./release-backups.js";
import { isReleaseTag, releaseFile, releaseFolder } from "./release-places.js";
import { parseReleaseRecord, type ReleaseRecord, type ReleaseStatus } from "./release-record.js";

/** Tells what is left of a release's artefact; null when it is gone or not what was built. */
export type FindArtefact = (tag: string) => Promise<{ readonly digest: string } | null>;

/**
 * The releases of an installation, in its state folder. `backups` of a record is always what lies
 * in the backups' folder now; what a writer hands over in it does not count.
 */
export interface ReleaseStore {
  /** All records, newest first. */
  list(): Promise<readonly ReleaseRecord[]>;
  /** Null for a tag without a record. */
  read(tag: string): Promise<ReleaseRecord | null>;
  /**
   * Writes a whole record so that a crash leaves the old or the new one; the newest backup of the
   * release then has it too.
   */
  write(record: ReleaseRecord): Promise<void>;
  /**
   * Gives a release a status, with the time and the reason.
   *
   * @throws FiberError RELEASE_NOT_FOUND
   */
  mark(
    tag: string,
    to: { readonly status: ReleaseStatus; readonly why: string | null; readonly now: number },
  ): Promise<ReleaseRecord>;
  /**
   * The newest release that was found good and whose artefact is still what was built, or null.
   *
   * @param except a tag that does not count: the one that is to be left
   */
  lastKnownGood(
    findArtefact: FindArtefact,
    options?: { readonly except?: string },
  ): Promise<ReleaseRecord | null>;
}

/**
 * Opens the releases below `<state>/releases`. Reading throws RELEASE_INVALID or RELEASE_TOO_NEW
 * for a record that this version cannot use: a release that silently went missing from the list
 * would make an older one the last known good.
 */
export function createReleaseStore(stateDir: string): ReleaseStore {
  const list = async () =>
    newestFirst(
      readRecords(stateDir).map((record) => ({
        ...record,
        backups: [...backupsOf(stateDir, record.tag)],
      })),
    );
  const write = async (record: ReleaseRecord) => {
    const path = releaseFile(stateDir, record.tag);
    const backups = [...backupsOf(stateDir, record.tag)];
    const checked = parseReleaseRecord({ ...record, backups }, path);
    await makePrivateFolder(releaseFolder(stateDir, record.tag));
    await writeDurably(path, `${JSON.stringify(checked, null, 2)}\n`);
    await embedInNewestBackup(stateDir, checked);
  };
  return {
    list,
    write,
    async read(tag) {
      const record = isReleaseTag(tag) ? readRecord(stateDir, tag) : null;
      return record && { ...record, backups: [...backupsOf(stateDir, tag)] };
    },
    async mark(tag, to) {
      const all = await list();
      const record = all.find((one) => one.tag === tag);
      if (record === undefined) throw releaseNotFound(tag);
      const marked = withStatus(record, to, all);
      await write(marked);
      return marked;
    },
    async lastKnownGood(findArtefact, options) {
      const found = await lastKnownGoodOf(readRecords(stateDir), findArtefact, options);
      return found && { ...found, backups: [...backupsOf(stateDir, found.tag)] };
    },
  };
}

/** See {@link ReleaseStore.lastKnownGood}, among records that were read already. */
export async function lastKnownGoodOf(
  records: readonly ReleaseRecord[],
  findArtefact: FindArtefact,
  options: { readonly except?: string } = {},
): Promise<ReleaseRecord | null> {
  for (const record of goodReleases(records)) {
    if (record.tag === options.except || record.artefact === null) continue;
    const found = await findArtefact(record.tag);
    if (found?.digest === record.artefact.digest) return record;
  }
  return null;
}

/** The error for a tag that has no record. */
export function releaseNotFound(tag: string): FiberError {
  return new FiberError(
    "RELEASE_NOT_FOUND",
    `${tag} is no recorded release. \`fiber release list\` shows them; a tag is recorded by ` +
      "`fiber release tag`, `fiber release import` or its first `fiber deploy`.",
  );
}
