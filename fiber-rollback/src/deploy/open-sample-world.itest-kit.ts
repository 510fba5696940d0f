import { createLogger, systemClock } from "#runtime";
import { createComposeDriver } from "../drivers/compose/compose-driver.js";
import type { DeployDriver } from "../drivers/deploy-driver.js";
import { createProcessDriver } from "../drivers/process/process-driver.js";
import { createGit } from "../git/run-git.js";
import { urlOfDatabase } from "../pg-tools.js";
import { noProgress } from "../progress.js";
import { readProject } from "../project/project-file.js";
import { createReleaseStore } from "../releases/release-store.js";
import type { ReleaseWorld } from "../rollback/release-world.js";

/** The world of a sample app, as a command opens it. */
export function openSampleWorld(about: {
  readonly stateDir: string;
  readonly repository: string;
  readonly databaseUrl: string | null;
  readonly driver?: DeployDriver["kind"];
  readonly report: (id: string) => unknown;
}): ReleaseWorld {
  const { stateDir, repository, databaseUrl, report } = about;
  const git = createGit(repository);
  const log = createLogger({ role: "test", level: "silent" });
  return {
    stateDir,
    git,
    project: readProject(repository),
    driver:
      about.driver === "compose"
        ? createComposeDriver({
            ...{ stateDir, git },
            env: databaseUrl === null ? {} : { FIBER_DATABASE_URL: databaseUrl },
          })
        : createProcessDriver({ stateDir, git }),
    store: createReleaseStore(stateDir),
    data:
      databaseUrl === null
        ? null
        : {
            ...{ stateDir, log, clock: systemClock, progress: noProgress },
            admin: urlOfDatabase(databaseUrl, "postgres"),
            database: new URL(databaseUrl).pathname.slice(1),
          },
    env: {},
    token: async () => null,
    report: async ({ plan }) => {
      report(plan.id);
      return { incident: plan.id };
    },
    operator: "tester@here",
    host: "here",
    log,
    clock: systemClock,
  };
}
