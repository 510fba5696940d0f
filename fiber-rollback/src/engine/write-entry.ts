import { hostname, userInfo } from "node:os";
import type { LockHolder } from "#runtime";
import { createGit } from "../git/run-git.js";
import { engineVersion } from "./engine-version.js";
import type { Journal } from "./journal.js";
import type { RunOptions } from "./run-context.js";
import { assertSameServer, identifyDatabase } from "./run-database.js";
import { RUN_FORMAT, type RunPlan } from "./run-plan.js";
import type { StepDetail } from "./step.js";

/** How a run is entered. */
export interface RunEntry {
  readonly event: "begin" | "resume" | "abort";
  readonly options: RunOptions;
  /** Under the lock, before anything is written. */
  readonly check: () => Promise<void>;
}

/** Writes who enters a run, from where, with which engine, on which database; first of all its begin. */
export async function writeEntry(
  journal: Journal,
  about: {
    readonly plan: RunPlan;
    readonly entry: RunEntry;
    readonly stored: string | null;
    readonly replaced: LockHolder | null;
  },
): Promise<void> {
  const { plan, entry, stored, replaced } = about;
  const { ports, takeOver, otherEngine } = entry.options;
  const database = await identifyDatabase(ports.data);
  const begin = journal.lines()[0];
  if (begin?.event === "begin") assertSameServer(begin.detail.database, database);
  const detail: StepDetail = {
    id: plan.id,
    operator: operatorName(),
    host: hostname(),
    pid: process.pid,
    engine: engineVersion(),
    database,
    ...(replaced === null
      ? {}
      : { tookOver: { from: replaced, reason: takeOver ?? "it was gone" } }),
    ...(otherEngine === undefined ? {} : { otherEngine }),
    ...(entry.event === "begin"
      ? {
          format: RUN_FORMAT,
          planSha256: stored,
          commit: await commitsOf(plan),
          reason: plan.reason,
        }
      : {}),
  };
  await journal.write({ event: entry.event, detail });
}

/** The commits behind the plan's tags, as git knows them now; null for a tag that it does not know. */
async function commitsOf(plan: RunPlan): Promise<StepDetail> {
  const git = createGit(plan.repository);
  const commitOf = async (tag: string | null) => {
    if (tag === null) return null;
    const found = await git.try(["git", "rev-parse", "--verify", "--quiet", `${tag}^{commit}`]);
    return found.exitCode === 0 ? found.stdout.trim() : null;
  };
  return { from: await commitOf(plan.from), to: await commitOf(plan.to) };
}

/** Who runs this, such as "ama" or, through sudo, "ama as root". */
export function operatorName(
  env: Readonly<Record<string, string | undefined>> = process.env,
): string {
  const sudo = env.SUDO_USER;
  try {
    const { username } = userInfo();
    return sudo && sudo !== username ? `${sudo} as ${username}` : username;
  } catch {
    // A uid without a passwd entry, as in containers.
    return sudo ?? `uid ${process.getuid?.() ?? "unknown"}`;
  }
}
