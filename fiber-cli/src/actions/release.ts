import { FiberError } from "#contracts";
import {
  createFolderFinder,
  createReleaseStore,
  currentTag,
  type Git,
  importReleases,
  type ListedRelease,
  type ReleaseStore,
  releaseNotFound,
  releaseOverview,
  tagRelease,
  verifyRelease,
} from "#rollback";
import { makeStateFolder, stateFolder } from "#runtime";
import { describeRelease } from "../describe-release.js";
import { openRepository } from "../find-project.js";
import { openDriver } from "../open-driver.js";
import { formatTable, paint, printResult } from "../terminal.js";

/** Options as commander hands them over. */
interface Options {
  readonly message?: string;
  readonly push?: true;
  readonly from?: string;
  readonly dryRun?: true;
  readonly json?: true;
}

/** `fiber release tag` */
export async function tagNew(tag: string, options: Options): Promise<void> {
  const { git, store } = await openReleases();
  const done = await tagRelease(git, store, {
    tag,
    message: options.message ?? null,
    push: options.push === true,
    dryRun: options.dryRun === true,
  });
  printResult(options.json === true, done, () => {
    const what = `${tag} on ${done.commit.slice(0, 12)}, migrations up to ${done.migrationHead ?? "none"}`;
    if (done.record === null) return `Would sign ${what}. Nothing was changed.`;
    return [
      `Signed ${what}; recorded as a candidate.`,
      done.pushedTo === null
        ? `Others do not have it yet: git push <remote> ${tag}`
        : `Pushed to ${done.pushedTo}.`,
      `Release it with: fiber deploy ${tag}`,
    ].join("\n");
  });
}

/** `fiber release list` */
export async function list(options: Options): Promise<void> {
  const { store, stateDir } = await openReleases();
  const releases = await overview(store, stateDir);
  printResult(options.json === true, releases, () =>
    releases.length === 0
      ? "No release is recorded yet: fiber release tag makes one, fiber release import finds old ones."
      : formatTable([
          ["RELEASE", "STATUS", "LIVE SINCE (UTC)", "COMMIT", "SIGNATURE", "SCHEMA", "BUILT", ""],
          ...releases.map(listed),
        ]),
  );
}

/** `fiber release show` */
export async function show(tag: string, options: Options): Promise<void> {
  const { store, stateDir } = await openReleases();
  const release = (await overview(store, stateDir)).find((one) => one.tag === tag);
  if (release === undefined) throw releaseNotFound(tag);
  printResult(options.json === true, release, () => describeRelease(release));
}

/** `fiber release verify` */
export async function verify(tag: string, options: Options): Promise<void> {
  const { git, store, stateDir } = await openReleases();
  const { find } = openDriver({ stateDir, git });
  const verdict = await verifyRelease(git, store, { tag, findArtefact: find });
  printResult(options.json === true, verdict, () =>
    verdict.checks
      .map(({ id, verdict, detail }) => {
        const colour = verdict === "ok" ? "green" : verdict === "wrong" ? "red" : "yellow";
        return `${paint(colour, verdict.padEnd(7))} ${id}: ${detail}`;
      })
      .join("\n"),
  );
  if (verdict.sound) return;
  const wrong = verdict.checks.filter((check) => check.verdict === "wrong");
  throw new FiberError(
    "RELEASE_UNSOUND",
    `${tag} cannot be trusted as it is: ${wrong.map(({ id }) => id).join(", ")}.`,
  );
}

/** `fiber release import` */
export async function importAll(options: Options): Promise<void> {
  const { git, store, stateDir } = await openReleases();
  const dryRun = options.dryRun === true;
  const from = options.from ?? null;
  const found = await importReleases({ git, store, stateDir, from, dryRun });
  printResult(options.json === true, { releases: found, dryRun }, () => {
    const rows = found.map((one) => [one.tag, one.outcome, one.status ?? "", one.detail]);
    const table =
      rows.length === 0
        ? "Neither a tag nor a backup tells of a release."
        : formatTable([["RELEASE", "FROM", "STATUS", ""], ...rows]);
    return dryRun ? `${table}\nNothing was changed.` : table;
  });
  const problems = found.filter((one) => one.outcome === "problem");
  if (problems.length === 0) return;
  throw new FiberError(
    "RELEASE_IMPORT_INCOMPLETE",
    `${problems.map((one) => one.tag).join(", ")} could not be imported; the others are.`,
  );
}

function listed(release: ListedRelease): readonly string[] {
  const colour = { good: "green", bad: "red", live: "yellow", candidate: "dim" } as const;
  const marks = [
    ...(release.running ? ["runs"] : []),
    ...(release.lastKnownGood ? ["last known good"] : []),
  ];
  return [
    release.tag,
    paint(colour[release.status], release.status),
    release.liveAt?.slice(0, 16).replace("T", " ") ?? "",
    release.commit.slice(0, 10),
    release.signature.status,
    release.migrations.head ?? "none",
    release.artefactPresent ? "yes" : "no",
    marks.join(", "),
  ];
}

async function overview(store: ReleaseStore, stateDir: string): Promise<readonly ListedRelease[]> {
  const findArtefact = createFolderFinder(stateDir);
  return releaseOverview(store, { findArtefact, running: await currentTag(stateDir) });
}

async function openReleases(): Promise<{
  readonly git: Git;
  readonly stateDir: string;
  readonly store: ReleaseStore;
}> {
  const git = await openRepository();
  const stateDir = await stateFolder();
  makeStateFolder(stateDir);
  return { git, stateDir, store: createReleaseStore(stateDir) };
}
