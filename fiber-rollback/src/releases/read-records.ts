import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { releasesFolder } from "./release-places.js";
import { invalidRecord, parseReleaseRecord, type ReleaseRecord } from "./release-record.js";

// Read in one go: hundreds of small files through the thread pool take several times as long, and
// every plan begins here.

/**
 * Every record below `<state>/releases`, in no order, as they are written.
 *
 * @throws FiberError RELEASE_INVALID, RELEASE_TOO_NEW
 */
export function readRecords(stateDir: string): readonly ReleaseRecord[] {
  const entries = orMissing(() => readdirSync(releasesFolder(stateDir), { withFileTypes: true }));
  return (entries ?? []).flatMap((entry) => {
    if (!entry.isDirectory() || entry.name.startsWith(".")) return [];
    const record = readRecord(stateDir, entry.name);
    return record === null ? [] : [record];
  });
}

/** One record as it is written; null when there is none. */
export function readRecord(stateDir: string, tag: string): ReleaseRecord | null {
  // Not releaseFile: a folder that somebody put there is named in the error, not refused as a tag.
  const path = join(releasesFolder(stateDir), tag, "release.json");
  const text = orMissing(() => readFileSync(path, "utf8"));
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

/** What `read` returns; null when the file or folder is missing. */
export function orMissing<T>(read: () => T): T | null {
  try {
    return read();
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw err;
  }
}
