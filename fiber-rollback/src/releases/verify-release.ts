import { FiberError } from "#contracts";
import { hasRemote, remoteRef, resolveCommit } from "../git/git-facts.js";
import type { Git } from "../git/run-git.js";
import { type ReleaseFacts, releaseFacts } from "./release-facts.js";
import type { ReleaseRecord } from "./release-record.js";
import { type FindArtefact, type ReleaseStore, releaseNotFound } from "./release-store.js";

/** One thing that was looked at. `unknown`: it could not be looked at here, which is no fault. */
export interface ReleaseCheck {
  readonly id: "signature" | "commit" | "migrations" | "remote" | "artefact" | "backup";
  readonly verdict: "ok" | "wrong" | "unknown";
  readonly detail: string;
}

/** What a tag is worth: sound when nothing is wrong. */
export interface ReleaseVerdict {
  readonly tag: string;
  readonly sound: boolean;
  readonly checks: readonly ReleaseCheck[];
}

/**
 * Holds a tag against its signature, its record, the remote and what it was built into.
 *
 * @param findArtefact the deploy driver's: it computes the digest
 * @throws FiberError RELEASE_NOT_FOUND when there is neither a tag nor a record;
 *   SIGNATURE_UNCHECKABLE, PROJECT_FILE_INVALID, MIGRATION_INVALID, MIGRATION_MISSING
 */
export async function verifyRelease(
  git: Git,
  store: ReleaseStore,
  what: { readonly tag: string; readonly findArtefact: FindArtefact },
): Promise<ReleaseVerdict> {
  const { tag } = what;
  const record = await store.read(tag);
  const tagged = (await resolveCommit(git, `refs/tags/${tag}`)) !== null;
  if (!tagged && record === null) throw releaseNotFound(tag);
  const facts = tagged ? await releaseFacts(git, tag) : null;
  const checks = [
    signatureCheck(tag, facts),
    ...(record === null ? [] : [commitCheck(record, facts), migrationsCheck(record, facts)]),
    await remoteCheck(git, tag, facts),
    ...(record === null ? [] : [await artefactCheck(record, what.findArtefact)]),
    ...(record === null ? [] : [backupCheck(record)]),
  ];
  return { tag, sound: checks.every((check) => check.verdict !== "wrong"), checks };
}

function signatureCheck(tag: string, facts: ReleaseFacts | null): ReleaseCheck {
  const id = "signature";
  if (facts === null) {
    return { id, verdict: "wrong", detail: `${tag} is not in this clone: git fetch --tags` };
  }
  const { status, signer, why } = facts.signature;
  return status === "good"
    ? { id, verdict: "ok", detail: `signed by ${signer}` }
    : { id, verdict: "wrong", detail: `${status}: ${why}` };
}

function commitCheck(record: ReleaseRecord, facts: ReleaseFacts | null): ReleaseCheck {
  const id = "commit";
  const was = record.commit.slice(0, 12);
  if (facts === null) return { id, verdict: "unknown", detail: `recorded as ${was}` };
  return facts.commit === record.commit
    ? { id, verdict: "ok", detail: `${was}, as recorded` }
    : {
        id,
        verdict: "wrong",
        detail: `the tag was moved: recorded as ${was}, now ${facts.commit.slice(0, 12)}`,
      };
}

function migrationsCheck(record: ReleaseRecord, facts: ReleaseFacts | null): ReleaseCheck {
  const id = "migrations";
  const head = record.migrations.head ?? "none";
  if (facts === null) return { id, verdict: "unknown", detail: `recorded up to ${head}` };
  const now = new Map(facts.migrations.files.map((file) => [file.revision, file]));
  const edited = record.migrations.files.filter((file) => {
    const same = now.get(file.revision);
    return same?.upSha256 !== file.upSha256 || same.downSha256 !== file.downSha256;
  });
  if (edited.length === 0 && now.size === record.migrations.files.length) {
    return { id, verdict: "ok", detail: `up to ${head}, every checksum as recorded` };
  }
  const names = edited.map((file) => file.name).join(", ") || "more files than were recorded";
  return { id, verdict: "wrong", detail: `the tag's tree differs from the record: ${names}` };
}

async function remoteCheck(
  git: Git,
  tag: string,
  facts: ReleaseFacts | null,
): Promise<ReleaseCheck> {
  const id = "remote";
  const remote = facts?.project.remote ?? "origin";
  if (!(await hasRemote(git, remote))) {
    return { id, verdict: "unknown", detail: `there is no remote ${remote}` };
  }
  try {
    const there = await remoteRef(git, remote, `refs/tags/${tag}`);
    if (there === null)
      return { id, verdict: "unknown", detail: `${remote} does not have the tag` };
    if (facts === null) return { id, verdict: "unknown", detail: `${remote} has it` };
    const here = await git.try(["git", "rev-parse", "--verify", "--quiet", `refs/tags/${tag}`]);
    return here.stdout.trim() === there
      ? { id, verdict: "ok", detail: `${remote} has the same tag` }
      : { id, verdict: "wrong", detail: `${remote} has another tag of this name` };
  } catch (err) {
    if (!(err instanceof FiberError) || err.code !== "REMOTE_UNREACHABLE") throw err;
    return { id, verdict: "unknown", detail: `${remote} does not answer` };
  }
}

async function artefactCheck(record: ReleaseRecord, find: FindArtefact): Promise<ReleaseCheck> {
  const id = "artefact";
  if (record.artefact === null) return { id, verdict: "unknown", detail: "never built here" };
  const found = await find(record.tag);
  if (found === null) {
    const detail = "gone, or changed since it was built: it is built again when it is needed";
    return { id, verdict: "wrong", detail };
  }
  return found.digest === record.artefact.digest
    ? { id, verdict: "ok", detail: `${record.artefact.ref}, digest as recorded` }
    : { id, verdict: "wrong", detail: `its digest ${found.digest} is not the recorded one` };
}

function backupCheck({ backups }: ReleaseRecord): ReleaseCheck {
  const id = "backup";
  return backups.length === 0
    ? { id, verdict: "unknown", detail: "no backup holds its data" }
    : { id, verdict: "ok", detail: `${backups.length}, newest ${backups.at(-1)}` };
}
