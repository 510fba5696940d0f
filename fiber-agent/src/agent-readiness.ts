import { join } from "node:path";
import {
  createFolderFinder,
  createGit,
  createReleaseStore,
  currentTag,
  type DataPorts,
  noProgress,
  type Project,
  type Readiness,
  readProject,
  readReadiness,
} from "#rollback";
import { type Clock, type Logger, packageRoot } from "#runtime";

/** What the agent judges readiness by. */
export interface AgentReadiness {
  readonly stateDir: string;
  /** Where the data is now; null while no database is known. */
  readonly data: () => Pick<DataPorts, "admin" | "database"> | null;
  readonly log: Logger;
  readonly clock: Clock;
}

/**
 * "Can it be rolled back right now?", as the part that stays up sees it. Whether an artefact is
 * still what was built is taken from its record: reading it through belongs to `fiber ready`.
 */
export async function agentReadiness(about: AgentReadiness): Promise<Readiness> {
  const { stateDir, log, clock } = about;
  const git = createGit(packageRoot);
  const inClone = (await git.try(["git", "rev-parse", "--git-dir"])).exitCode === 0;
  const data = about.data();
  return readReadiness({
    ...{ stateDir, log, clock, env: process.env },
    git: inClone ? git : null,
    project: releasedProject(stateDir),
    store: createReleaseStore(stateDir),
    findArtefact: createFolderFinder(stateDir),
    running: await currentTag(stateDir),
    data: data === null ? null : { ...data, stateDir, log, clock, progress: noProgress },
  });
}

/** The fiber.yaml of what runs; before the first deployment that of the tree we run from. */
export function releasedProject(stateDir: string): Project {
  try {
    return readProject(join(stateDir, "current"));
  } catch {
    return readProject(packageRoot);
  }
}
