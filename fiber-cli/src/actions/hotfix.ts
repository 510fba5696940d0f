import {
  blame,
  createReleaseStore,
  finishHotfix,
  type GateResult,
  type HotfixContext,
  lastGoodTag,
  readProject,
  revert,
  slugOf,
  startHotfix,
} from "#rollback";
import { makeStateFolder, stateFolder, systemClock } from "#runtime";
import { confirm } from "../ask.js";
import { openRepository } from "../find-project.js";
import { interruptible } from "../interruptible.js";
import { printResult, tell } from "../terminal.js";

/** `fiber hotfix blame`. */
export async function blameCommit(options: {
  good?: string;
  bad?: string;
  json?: boolean;
}): Promise<void> {
  const context = await openContext();
  const bad = options.bad ?? context.project.branch;
  const good = options.good ?? (await goodTag(context, bad));
  tell(`Looking between ${good} (good) and ${bad} (bad).`);
  const found = await interruptible((signal) => blame({ ...context, signal }, { good, bad }));
  printResult(options.json ?? false, found, () => {
    if (found.kind === "healthy") return `Every gate passes on ${found.head.slice(0, 10)}.`;
    if (found.kind === "found") {
      const { sha, subject, author, date } = found.commit;
      return `${sha} broke "${found.gate.title}" (${author}, ${date}): ${subject}\nTake it back with: fiber hotfix revert ${sha.slice(0, 10)}`;
    }
    const list = found.commits.map((c) => `  ${c.sha.slice(0, 10)} ${c.author}: ${c.subject}`);
    return [`Not decided, because ${found.why}. Candidates, newest first:`, ...list].join("\n");
  });
}

/** `fiber hotfix revert`. */
export async function revertCommit(
  commit: string,
  options: { mainline?: number; dryRun?: boolean; yes?: boolean; json?: boolean },
): Promise<void> {
  const { mainline = null, dryRun = false, yes = false, json = false } = options;
  const context = await openContext();
  const { branch, remote } = context.project;
  if (!dryRun) await confirm(`Revert ${commit} on ${branch} and push to ${remote}?`, yes);
  const done = await revert(context, { commit, mainline, dryRun });
  printResult(json, { ...done, pushed: !dryRun }, () =>
    dryRun
      ? `${commit} can be reverted on ${branch} without conflict. Nothing was pushed.`
      : `Reverted ${done.reverted.slice(0, 10)} on ${branch}, now at ${done.head.slice(0, 10)}, pushed to ${remote}.`,
  );
}

/** `fiber hotfix start`. */
export async function start(
  description: string,
  options: { from?: string; json?: boolean },
): Promise<void> {
  const context = await openContext();
  const from = options.from ?? (await goodTag(context, context.project.branch));
  const hotfix = await startHotfix(context, { description, from });
  printResult(options.json ?? false, hotfix, () =>
    [
      `Began ${hotfix.branch} at ${from} in ${hotfix.folder}`,
      "Mend it there, commit, then:",
      `  fiber hotfix finish ${slugOf(description)}`,
    ].join("\n"),
  );
}

/** `fiber hotfix finish`. */
export async function finish(
  description: string,
  options: { from?: string; tag?: string; yes?: boolean; json?: boolean },
): Promise<void> {
  const { from = null, tag = null, yes = false, json = false } = options;
  const context = await openContext();
  const slug = slugOf(description);
  const { branch, remote } = context.project;
  await confirm(`Put hotfix/${slug} on ${branch}, tag it and push both to ${remote}?`, yes);
  const done = await interruptible((signal) =>
    finishHotfix({ ...context, signal }, { slug, from, tag, show: showGate }),
  );
  printResult(json, done, () =>
    [
      `${done.tag} is on ${branch} at ${done.head.slice(0, 10)}, signed, pushed to ${remote}.`,
      `The branch hotfix/${slug} is kept; its folder was removed.`,
    ].join("\n"),
  );
}

/** The last good tag before `head`, and which of the two kinds of good it is. */
async function goodTag({ git, stateDir }: HotfixContext, head: string): Promise<string> {
  const { tag, basis } = await lastGoodTag(git, createReleaseStore(stateDir), head);
  tell(
    basis === "release"
      ? `${tag} is the newest release that was found good here.`
      : `No release was found good here yet, so ${tag}, the newest version tag, stands for it.`,
  );
  return tag;
}

/** Shows a gate's verdict as it comes. */
export function showGate(gate: GateResult): void {
  tell(`${gate.verdict.padEnd(8)} ${gate.title} (${(gate.ms / 1000).toFixed(1)} s)`);
}

async function openContext(): Promise<HotfixContext> {
  const git = await openRepository();
  const stateDir = await stateFolder();
  makeStateFolder(stateDir);
  return { git, project: readProject(git.folder), stateDir, clock: systemClock, say: tell };
}
