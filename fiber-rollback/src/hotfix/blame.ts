import { FiberError } from "#contracts";
import type { GateResult } from "../gates/gate-report.js";
import { runGates } from "../gates/run-gates.js";
import {
  type Commit,
  commitsOf,
  isAncestor,
  mustResolve,
  requireFullHistory,
} from "../git/git-facts.js";
import type { Git } from "../git/run-git.js";
import { inWorktree } from "../git/worktree.js";
import type { HotfixContext } from "./hotfix-context.js";

/** Beyond this many, a list of candidates helps nobody. */
const CANDIDATES = 50;

/** Who broke the branch. */
export type Blame =
  | {
      readonly kind: "found";
      readonly commit: Commit;
      readonly gate: GateResult;
      readonly tried: number;
    }
  | { readonly kind: "candidates"; readonly commits: readonly Commit[]; readonly why: string }
  | { readonly kind: "healthy"; readonly head: string };

/**
 * Finds the first bad commit between a good one and a bad one by bisection: gates run on each
 * commit in a worktree of their own. Without gates, or when they cannot judge, it lists candidates.
 *
 * @throws FiberError REVISION_NOT_FOUND, HISTORY_SHALLOW, NOT_ON_BRANCH, GOOD_IS_BAD
 */
export async function blame(
  context: HotfixContext,
  range: { readonly good: string; readonly bad: string },
): Promise<Blame> {
  const { git, project } = context;
  await requireFullHistory(git);
  const good = await mustResolve(git, range.good);
  const bad = await mustResolve(git, range.bad);
  if (good === bad) return { kind: "healthy", head: bad };
  if (!(await isAncestor(git, good, bad))) {
    throw new FiberError(
      "NOT_ON_BRANCH",
      `${range.good} is not in the history of ${range.bad}: name the good and the bad end with --good and --bad.`,
    );
  }
  const commits = await commitsOf(git, `${good}..${bad}`, CANDIDATES);
  if (project.gates.length === 0) {
    return { kind: "candidates", commits, why: "fiber.yaml declares no gates to judge by" };
  }
  return inWorktree(git, bad, (worktree) => bisect(context, worktree, { good, bad, commits }));
}

async function bisect(
  context: HotfixContext,
  worktree: Git,
  range: { readonly good: string; readonly bad: string; readonly commits: readonly Commit[] },
): Promise<Blame> {
  const judged = new Map<string, GateResult | "good" | "unjudged">();
  const judge = async (commit: string) => {
    await worktree.must(["git", "checkout", "--quiet", "--detach", "--force", commit]);
    await worktree.must(["git", "clean", "-fdq"]);
    const { folder } = worktree;
    const { clock, signal } = context;
    const report = await runGates(context.project.gates, {
      folder,
      commit,
      clock,
      signal,
      stopEarly: true,
    });
    const culprit = report.gates.find((gate) => gate.verdict === "failed");
    const verdict = culprit ?? (report.verdict === "unjudged" ? "unjudged" : "good");
    judged.set(commit, verdict);
    context.say(
      `${commit.slice(0, 10)} ${typeof verdict === "string" ? verdict : `fails ${verdict.title}`}`,
    );
    return verdict;
  };

  const head = await judge(range.bad);
  if (head === "good") return { kind: "healthy", head: range.bad };
  if (head === "unjudged") {
    return {
      kind: "candidates",
      commits: range.commits,
      why: "the gates cannot judge the newest commit",
    };
  }
  if ((await judge(range.good)) !== "good") {
    throw new FiberError(
      "GOOD_IS_BAD",
      `The gates fail on ${range.good.slice(0, 10)} too, so the fault is older or lies in this machine. ` +
        "Name an older good commit with --good, or run `fiber doctor`.",
    );
  }
  await worktree.must(["git", "bisect", "start", range.bad, range.good]);
  for (;;) {
    const at = (await worktree.must(["git", "rev-parse", "HEAD"])).trim();
    const verdict = judged.get(at) ?? (await judge(at));
    const word = verdict === "good" ? "good" : verdict === "unjudged" ? "skip" : "bad";
    const step = await worktree.try(["git", "bisect", word]);
    const found = /^([0-9a-f]{40}) is the first bad commit/m.exec(step.stdout)?.[1];
    if (found !== undefined) return describe(worktree, found, judged);
    if (step.exitCode !== 0) return onlySkippedLeft(range.commits, step.stdout);
  }
}

async function describe(
  worktree: Git,
  sha: string,
  judged: ReadonlyMap<string, GateResult | "good" | "unjudged">,
): Promise<Blame> {
  const [commit] = await commitsOf(worktree, sha, 1);
  const gate = judged.get(sha);
  if (commit === undefined || gate === undefined || typeof gate === "string") {
    throw new FiberError("GIT_FAILED", `git bisect named ${sha}, which no gate failed on`);
  }
  return { kind: "found", commit, gate, tried: judged.size };
}

/** git lists what it could not decide between when commits had to be skipped. */
function onlySkippedLeft(commits: readonly Commit[], stdout: string): Blame {
  const named = new Set(stdout.match(/^[0-9a-f]{40}$/gm) ?? []);
  const left = commits.filter((commit) => named.has(commit.sha));
  return {
    kind: "candidates",
    commits: left.length > 0 ? left : commits,
    why: "the gates cannot judge some of the commits",
  };
}
