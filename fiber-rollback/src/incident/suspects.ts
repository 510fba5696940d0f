import type { Git } from "../git/run-git.js";
import type { Incident } from "./incident-file.js";

type Cause = Incident["cause"];

/** More commits than this are a case for `fiber hotfix blame`, which finds the one by its gates. */
const SHOWN = 10;

/** Parts of our tree that a failing step or gate speaks of. */
const PLACES: readonly { readonly step: RegExp; readonly folder: string; readonly why: string }[] =
  [
    { step: /migrat|schema|column|relation/i, folder: "migrations", why: "changes migrations" },
    { step: /probe/i, folder: "fiber-probe", why: "changes the probe" },
    { step: /dashboard/i, folder: "fiber-dashboard", why: "changes the dashboard" },
    { step: /api|status|answers 5\d\d/i, folder: "fiber-api", why: "changes the API" },
  ];

/**
 * The commits that came between the release that was good and the one that was left, newest first,
 * those first that touch what failed.
 *
 * @param failure what failed, in the run's words
 */
export async function findSuspects(
  git: Git | null,
  releases: { readonly good: string | null; readonly bad: string | null },
  failure: string | null,
): Promise<Cause> {
  const { good, bad } = releases;
  if (git === null || good === null || bad === null) {
    return { failure, suspects: [], note: "There are no two releases to compare." };
  }
  const log = await git.try([
    "git",
    "log",
    `--max-count=${SHOWN + 1}`,
    "--no-merges",
    "--name-only",
    "--format=%x1e%H%x09%an%x09%aI%x09%s",
    "--end-of-options",
    `${good}..${bad}`,
    "--",
  ]);
  if (log.exitCode !== 0) {
    return { failure, suspects: [], note: `${good}..${bad} cannot be read in this repository.` };
  }
  const commits = log.stdout
    .split("\u001e")
    .slice(1)
    .map((record) => readCommit(record, failure));
  const suspects = commits
    .slice(0, SHOWN)
    .toSorted((a, b) => Number(b.why !== null) - Number(a.why !== null));
  return { failure, suspects, note: noteOn(commits.length, releases) };
}

function readCommit(record: string, failure: string | null): Cause["suspects"][number] {
  const [first = "", ...files] = record.split("\n").filter((line) => line !== "");
  const [commit = "", author = "", at = "", ...subject] = first.split("\t");
  const place = PLACES.find(
    ({ step, folder }) =>
      failure !== null && step.test(failure) && files.some((file) => file.includes(folder)),
  );
  return { commit, author, at, subject: subject.join(" "), why: place?.why ?? null };
}

function noteOn(
  commits: number,
  { good, bad }: { readonly good: string | null; readonly bad: string | null },
): string {
  const range = `between ${good} and ${bad}`;
  if (commits === 0) return `There is no commit ${range}: look at the environment or the data.`;
  if (commits === 1) return `It is the only commit ${range}.`;
  const more = commits > SHOWN ? `Only the newest ${SHOWN} commits ${range} are listed. ` : "";
  return `${more}Suspected, not proved: fiber hotfix blame finds the bad commit by running the gates.`;
}
