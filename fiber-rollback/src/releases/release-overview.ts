import { access } from "node:fs/promises";
import { recordedFolder } from "../drivers/process/artefact-record.js";
import type { ReleaseRecord } from "./release-record.js";
import type { FindArtefact, ReleaseStore } from "./release-store.js";

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
  const last = await store.lastKnownGood(facts.findArtefact);
  return Promise.all(
    records.map(async (record) => ({
      ...record,
      running: record.tag === facts.running,
      artefactPresent: record.artefact !== null && (await facts.findArtefact(record.tag)) !== null,
      lastKnownGood: record.tag === last?.tag,
    })),
  );
}

/** Finds folders by their build's record, without reading them through: for lists and the screen. */
export function createFolderFinder(stateDir: string): FindArtefact {
  return async (tag) => {
    const recorded = await recordedFolder(stateDir, tag);
    if (recorded === null) return null;
    return access(recorded.ref).then(
      () => recorded,
      () => null,
    );
  };
}
