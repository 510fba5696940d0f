import { existsSync } from "node:fs";
import { artefactOf, readImageRecord } from "../drivers/compose/image-record.js";
import { recordedFolder } from "../drivers/process/artefact-record.js";
import { releaseTree } from "./release-places.js";
import type { ReleaseRecord } from "./release-record.js";
import { type FindArtefact, lastKnownGoodOf, type ReleaseStore } from "./release-store.js";

/** A release as lists and screens show it. */
export interface ListedRelease extends ReleaseRecord {
  /** Whether it runs now, or would be what the next start runs. */
  readonly running: boolean;
  /** Whether what it was built into is there. Its digest is not computed: `fiber release verify` does. */
  readonly artefactPresent: boolean;
  /** Whether a rollback without a tag would go to it, were something else running. */
  readonly lastKnownGood: boolean;
}

/** All releases, newest first, with what is computed and never stored. */
export async function releaseOverview(
  store: ReleaseStore,
  facts: { readonly findArtefact: FindArtefact; readonly running: string | null },
): Promise<readonly ListedRelease[]> {
  const records = await store.list();
  const last = await lastKnownGoodOf(records, facts.findArtefact);
  const listed: ListedRelease[] = [];
  for (const record of records) {
    listed.push({
      ...record,
      running: record.tag === facts.running,
      artefactPresent: record.artefact !== null && (await facts.findArtefact(record.tag)) !== null,
      lastKnownGood: record.tag === last?.tag,
    });
  }
  return listed;
}

/** Finds builds by their record, without reading them through: for lists and the screen. */
export function createFolderFinder(stateDir: string): FindArtefact {
  return async (tag) => {
    if (!existsSync(releaseTree(stateDir, tag))) return null;
    const image = await readImageRecord(stateDir, tag);
    return image === null ? await recordedFolder(stateDir, tag) : artefactOf(stateDir, image);
  };
}
