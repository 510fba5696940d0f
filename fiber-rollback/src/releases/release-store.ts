import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { FiberError } from "#contracts";
import { makePrivateFolder, writeDurably } from "../durable-files.js";
import { goodReleases, newestFirst, withStatus } from "./order-releases.js";
import { backupsByRelease, backupsOf, embedInNewestBackup } from "./release-backups.js";
import { isReleaseTag, releaseFile, releaseFolder, releasesFolder } from "./release-places.js";
import {
  invalidRecord,
  parseReleaseRecord,
  type ReleaseRecord,
  type ReleaseStatus,
} from "./release-record.js";

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
  const list = async () => {
    const tags = await recordedTags(stateDir);
    const backups = await backupsByRelease(stateDir);
    const read = await Promise.all(tags.map((tag) => readRecord(stateDir, tag)));
    return newestFirst(
      read.flatMap((one) =>
        one === null ? [] : [{ ...one, backups: [...(backups.get(one.tag) ?? [])] }],
      ),
    );
  };
  const write = async (record: ReleaseRecord) => {
    const path = releaseFile(stateDir, record.tag);
    const backups = [...(await backupsOf(stateDir, record.tag))];
    const checked = parseReleaseRecord({ ...record, backups }, path);
    await makePrivateFolder(releaseFolder(stateDir, record.tag));
    await writeDurably(path, `${JSON.stringify(checked, null, 2)}\n`);
    await embedInNewestBackup(stateDir, checked);
  };
  return {
    list,
    write,
    async read(tag) {
      const record = isReleaseTag(tag) ? await readRecord(stateDir, tag) : null;
      return record && { ...record, backups: [...(await backupsOf(stateDir, tag))] };
    },
    async mark(tag, to) {
      const all = await list();
      const record = all.find((one) => one.tag === tag);
      if (record === undefined) throw releaseNotFound(tag);
      const marked = withStatus(record, to, all);
      await write(marked);
      return marked;
    },
    async lastKnownGood(findArtefact, options = {}) {
      for (const record of goodReleases(await list())) {
        if (record.tag === options.except || record.artefact === null) continue;
        const found = await findArtefact(record.tag);
        if (found?.digest === record.artefact.digest) return record;
      }
      return null;
    },
  };
}

/** The error for a tag that has no record. */
export function releaseNotFound(tag: string): FiberError {
  return new FiberError(
    "RELEASE_NOT_FOUND",
    `${tag} is no recorded release. \`fiber release list\` shows them; a tag is recorded by ` +
      "`fiber release tag`, `fiber release import` or its first `fiber deploy`.",
  );
}

async function recordedTags(stateDir: string): Promise<readonly string[]> {
  const entries = await readdir(releasesFolder(stateDir), { withFileTypes: true }).catch(
    (cause: NodeJS.ErrnoException) => {
      if (cause.code === "ENOENT") return [];
      throw cause;
    },
  );
  return entries
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith("."))
    .map((entry) => entry.name);
}

async function readRecord(stateDir: string, tag: string): Promise<ReleaseRecord | null> {
  // Not releaseFile: a folder that somebody put there is named in the error, not refused as a tag.
  const path = join(releasesFolder(stateDir), tag, "release.json");
  const text = await readFile(path, "utf8").catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === "ENOENT") return null;
    throw cause;
  });
  if (text === null) return null;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw invalidRecord(path, (cause as Error).message);
  }
  const record = parseReleaseRecord(value, path);
  if (record.tag === tag) return record;
  throw invalidRecord(path, `it is the record of ${record.tag}, in the folder of ${tag}`);
}
