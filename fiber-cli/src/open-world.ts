import { mkdirSync, readFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { agentConfigSchema, apiUrl, dashboardUrl } from "#agent";
import { createPool } from "#db";
import {
  createReleaseStore,
  type DataPorts,
  operatorName,
  type ReleaseWorld,
  type RunReporter,
  reportRun,
  urlOfDatabase,
} from "#rollback";
import { createLogger, loadConfig, makeStateFolder, systemClock } from "#runtime";
import { openDataPorts } from "./data-ports.js";
import { findReleasedProject, findRepository } from "./find-project.js";
import { openDriver } from "./open-driver.js";
import { locateStack } from "./stack-access.js";

/** Everything that deploys and rollbacks of this installation work on. */
export async function openReleaseWorld(
  options: { readonly signal?: AbortSignal } = {},
): Promise<ReleaseWorld> {
  const paths = await locateStack();
  const { stateDir } = paths;
  makeStateFolder(stateDir);
  const git = await findRepository();
  const project = findReleasedProject(git, stateDir);
  // In a file: the terminal shows the run itself.
  mkdirSync(paths.logs, { recursive: true, mode: 0o750 });
  const log = createLogger({ role: "fiber", level: "info", file: join(paths.logs, "fiber.log") });
  const data = project.migrations === null ? null : { ...(await openDataPorts()).ports, log };
  const config = loadConfig(agentConfigSchema, process.env);
  const { signal } = options;
  return {
    ...{ stateDir, git, project, data, log, clock: systemClock },
    driver: openDriver({
      ...{ stateDir, git, socket: paths.socket },
      ...(signal === undefined ? {} : { signal }),
    }),
    store: createReleaseStore(stateDir),
    env: { FIBER_API_URL: apiUrl(config), FIBER_DASHBOARD_URL: dashboardUrl(config) },
    token: async () => readToken(paths.adminToken),
    report: reporter({ stateDir, git, project, data, log }),
    operator: `${operatorName()}@${hostname()}`,
    host: hostname(),
  };
}

function readToken(path: string): string | null {
  try {
    return readFileSync(path, "utf8").trim();
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw err;
  }
}

function reporter(
  about: Pick<ReleaseWorld, "stateDir" | "git" | "project" | "log"> & {
    readonly data: DataPorts | null;
  },
): RunReporter {
  const { data, ...rest } = about;
  return async ({ plan, signal, clock }) => {
    const pool =
      data === null
        ? null
        : createPool({
            connectionString: urlOfDatabase(data.admin, data.database),
            applicationName: "fiber report",
            max: 2,
            onError: (err) => rest.log.warn({ err }, "the report's database connection broke"),
          });
    try {
      const ports = { ...rest, db: pool, clock, env: process.env, signal };
      const { incident, folder, notified } = await reportRun(ports, plan.id);
      return { incident, folder, notified };
    } finally {
      await pool?.end();
    }
  };
}
