import { FiberError } from "#contracts";
import { resolveCommit, tagsOf } from "../git/git-facts.js";
import type { Git } from "../git/run-git.js";
import { recordsInBackups } from "./records-in-backups.js";
import { candidateOf, type ReleaseFacts, releaseFacts } from "./release-facts.js";
import { isReleaseTag } from "./release-places.js";
import type { ReleaseRecord } from "./release-record.js";
import type { ReleaseStore } from "./release-store.js";

/** What was done with one tag. */
export interface ImportedRelease {
  readonly tag: string;
  /** `kept`: a usable record was there; `problem`: nothing was written, `detail` says why. */
  readonly outcome: "from-backup" | "from-tag" | "kept" | "problem";
  readonly status: ReleaseRecord["status"] | null;
  readonly detail: string;
}

/** Where records may come from. */
export interface ImportRequest {
  readonly git: Git;
  readonly store: ReleaseStore;
  readonly stateDir: string;
  /** A folder that backups were copied to, beside the state folder's own. */
  readonly from: string | null;
  /** Only say what would be written. */
  readonly dryRun: boolean;
}

/**
 * Rebuilds the records of releases from the manifests of backups and from git's tags. What git
 * knows (commit, signature, migrations) comes from the tag; what only the installation knew
 * (status, times, proofs, baseline, digest) from the newest record in a manifest. A tag without
 * a backup becomes a candidate. Usable records that are there already stay as they are.
 *
 * @throws FiberError RELEASE_TOO_NEW, USAGE when the folder cannot be read
 */
export async function importReleases(request: ImportRequest): Promise<readonly ImportedRelease[]> {
  const { git, stateDir, from } = request;
  const kept = await recordsInBackups(stateDir, from);
  const tags = [...(await tagsOf(git)).keys()].filter(isReleaseTag);
  const all = [...new Set([...tags, ...kept.keys()])].sort();
  const results: ImportedRelease[] = [];
  for (const tag of all) {
    const one = await importOne(request, tag, kept.get(tag) ?? null).catch((err: unknown) => {
      if (!(err instanceof FiberError) || err.code === "RELEASE_TOO_NEW") throw err;
      return { tag, outcome: "problem", status: null, detail: err.message } as const;
    });
    if (one !== null) results.push(one);
  }
  return results;
}

async function importOne(
  { git, store, dryRun }: ImportRequest,
  tag: string,
  embedded: ReleaseRecord | null,
): Promise<ImportedRelease | null> {
  const present = await usable(store, tag);
  if (present !== null) {
    return { tag, outcome: "kept", status: present.status, detail: "its record is there" };
  }
  const tagged = (await resolveCommit(git, `refs/tags/${tag}`)) !== null;
  const facts = tagged ? await factsIfReleased(git, tag, embedded !== null) : null;
  if (facts === null && embedded === null) return null;
  const record = embedded === null ? facts && candidateOf(facts) : joined(embedded, facts);
  if (record === null) return null;
  if (!dryRun) await store.write(record);
  const { status } = record;
  if (embedded === null) {
    const detail = "no backup tells whether it ever ran: deploy it to find out";
    return { tag, outcome: "from-tag", status, detail };
  }
  const detail = tagged
    ? `as it was on ${embedded.judgedAt ?? embedded.liveAt ?? embedded.createdAt}`
    : "its tag is not in this clone: git fetch --tags, or it cannot be built again";
  return { tag, outcome: "from-backup", status, detail };
}

/** A tag without a fiber.yaml is older than the project's releases: it is passed over. */
async function factsIfReleased(
  git: Git,
  tag: string,
  known: boolean,
): Promise<ReleaseFacts | null> {
  return releaseFacts(git, tag).catch((err: unknown) => {
    const code = err instanceof FiberError ? err.code : null;
    if (code === "PROJECT_FILE_MISSING" && !known) return null;
    throw err;
  });
}

/** @throws FiberError TAG_MOVED when the tag names another commit than was released */
function joined(embedded: ReleaseRecord, facts: ReleaseFacts | null): ReleaseRecord {
  if (facts === null) return embedded;
  if (facts.commit !== embedded.commit) {
    throw new FiberError(
      "TAG_MOVED",
      `${embedded.tag} was released as ${embedded.commit.slice(0, 12)}, but the tag names ` +
        `${facts.commit.slice(0, 12)} now. Tags of releases never move: find out who moved it ` +
        `(git ls-remote --tags), put it back, then import again.`,
    );
  }
  const { status, signer } = facts.signature;
  return { ...embedded, signature: { status, signer }, migrations: facts.migrations };
}

async function usable(store: ReleaseStore, tag: string): Promise<ReleaseRecord | null> {
  return store.read(tag).catch((err: unknown) => {
    if (err instanceof FiberError && err.code === "RELEASE_INVALID") return null;
    throw err;
  });
}
