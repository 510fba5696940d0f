import { FiberError } from "#contracts";
import { type Clock, type Logger, makeStateFolder, tryLock } from "#runtime";
import { serveAgent } from "./agent-server.js";
import { deployedRelease, projectOf, templatesOf, treeRelease } from "./hosted-release.js";
import { statePaths } from "./paths.js";
import { createRoleHost } from "./role-host.js";
import type { HostedRelease, RoleSpec } from "./role-spec.js";
import { makeStateParts } from "./state-parts.js";
import { supervisorRoutes } from "./supervisor-routes.js";
import { changeHandlers } from "./switch-release.js";
import { isWriterStopped } from "./writer-stop.js";

/** What the supervisor of a product is given. */
export interface AppHostOptions {
  readonly stateDir: string;
  /** Passed to every role as FIBER_DATABASE_URL. */
  readonly databaseUrl?: string;
  readonly log: Logger;
  readonly clock: Clock;
  readonly say: (line: string) => void;
}

/** A supervisor that runs. */
export interface AppHost {
  status(): unknown;
  /** Stops every role, once; later calls wait for the same end. */
  stop(): Promise<void>;
}

/**
 * Runs whatever product was deployed into a state folder: the roles that its fiber.yaml names and
 * nothing else, by the same host and the same agent as our own stack. Before the first deployment
 * it runs nothing and waits for one.
 *
 * @throws FiberError STACK_RUNNING, RELEASE_MISSING, or the code of the role that failed
 */
export async function startAppHost(options: AppHostOptions): Promise<AppHost> {
  const { stateDir, log, clock, say } = options;
  makeStateFolder(stateDir);
  const paths = statePaths(stateDir);
  const lock = tryLock(paths.lock, { what: "fiber up", takeOverUnknown: true });
  if (lock.kind === "taken") {
    throw new FiberError("STACK_RUNNING", `Process ${lock.holder.pid} runs this state folder`);
  }
  makeStateParts(paths, say);
  const startedAt = clock.now();
  let phase: "starting" | "running" | "stopping" = "starting";
  let end: Promise<void> | null = null;
  let agent: { close(): Promise<void> } | null = null;
  const release = await deployedRelease(stateDir).catch((err: Error) => {
    lock.release();
    throw err;
  });
  const host = createRoleHost({
    release: release ?? treeRelease("none"),
    logFolder: paths.logs,
    log,
    clock,
    say,
  });
  const specsOf = async (of: HostedRelease) => specsOfTree(of, options);
  const status = () => ({
    phase,
    release: host.release().tag,
    digest: host.release().digest,
    pid: process.pid,
    since: new Date(startedAt).toISOString(),
    state_folder: stateDir,
    roles: host.status(),
  });
  const finish = async () => {
    phase = "stopping";
    await host.close();
    await host.stop(
      () => true,
      (role, err) => log.error({ err, role }, "role did not stop cleanly"),
    );
    await agent?.close();
    lock.release();
  };
  const stop = () => {
    end ??= finish();
    return end;
  };
  try {
    agent = await serveAgent(
      paths.socket,
      supervisorRoutes({
        status,
        stop: () => void stop(),
        reload: async () => ({ reloaded: [] }),
        ...changeHandlers({ stateDir, host, isUp: () => phase === "running", specsOf, log, say }),
      }),
    );
    for (const spec of release === null ? [] : await specsOf(release)) {
      if (spec.writer && isWriterStopped(stateDir)) host.hold(spec);
      else await host.start(spec);
    }
  } catch (err) {
    await stop();
    throw err;
  }
  phase = "running";
  return { status, stop };
}

function specsOfTree(
  { tag, tree }: HostedRelease,
  { stateDir, databaseUrl }: AppHostOptions,
): readonly RoleSpec[] {
  if (tree === null) return [];
  return templatesOf(tree, projectOf(tree).roles).map((template) => ({
    ...template,
    env: {
      ...template.env,
      FIBER_STATE_DIR: stateDir,
      FIBER_RELEASE: tag,
      ...(databaseUrl === undefined ? {} : { FIBER_DATABASE_URL: databaseUrl }),
    },
  }));
}
