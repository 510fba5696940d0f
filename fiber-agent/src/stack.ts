import { anonymousPolicy, FiberError } from "#contracts";
import { makeReserve, urlOfDatabase } from "#rollback";
import { type LockHolder, makeStateFolder, tryLock } from "#runtime";
import { agentReadiness } from "./agent-readiness.js";
import { type AgentRoute, serveAgent } from "./agent-server.js";
import { bringUp } from "./bring-up.js";
import { describeStack } from "./describe-stack.js";
import { keepHouse } from "./housekeeping.js";
import { createReadAccess } from "./read-access.js";
import { createRoleHost } from "./role-host.js";
import { shownUrls } from "./role-specs.js";
import { runRoutes } from "./run-routes.js";
import { reloadProbes, specsOfRelease } from "./stack-roles.js";
import type { StackOptions, StackState } from "./stack-state.js";
import type { StackStatus } from "./stack-status.js";
import { makeStateParts } from "./state-parts.js";
import { supervisorRoutes } from "./supervisor-routes.js";
import { changeHandlers } from "./switch-release.js";
import { takeDown } from "./take-down.js";
import { openTokenMemory, type TokenMemory } from "./token-memory.js";

/** A running stack. */
export interface Stack {
  status(): StackStatus;
  /** Stops everything in order, once; later calls wait for the same end. */
  stop(why: string): Promise<void>;
  /** Resolves when the stack has stopped, whoever asked for it. */
  readonly stopped: Promise<void>;
}

/**
 * Starts the stack of this machine and keeps it up. Whatever was started is stopped again when a
 * part cannot start. `signal` aborts a start that is under way.
 *
 * @throws FiberError STACK_RUNNING, PORT_TAKEN, or the code of the part that failed
 */
export async function startStack(options: StackOptions, signal: AbortSignal): Promise<Stack> {
  const { paths, log, say, clock } = options;
  makeStateFolder(paths.stateDir);
  // A container that was made anew has another name: its predecessor's lock says nothing.
  const lock = tryLock(paths.lock, { what: "fiber up", takeOverUnknown: true });
  if (lock.kind === "taken") throw alreadyRunning(lock.holder, options);

  const state: StackState = {
    phase: "starting",
    startedAt: clock.now(),
    host: createRoleHost({ release: options.release, logFolder: paths.logs, log, clock, say }),
    database: null,
    tokens: null,
    queue: null,
    ingest: {},
    demoTarget: null,
    probes: [],
    backups: null,
  };
  const urls = shownUrls(options.config);
  const tokens = openTokenMemory(paths.stateDir);
  const ending = new AbortController();
  const starting = AbortSignal.any([signal, ending.signal]);
  const { promise: stopped, resolve: announceEnd } = deferred();
  let agent: { close(): Promise<void> } | null = null;
  let keeping: Promise<void> = Promise.resolve();
  let end: Promise<void> | null = null;

  const finish = async (): Promise<void> => {
    ending.abort();
    state.phase = "stopping";
    await keeping;
    await takeDown(state, options);
    await agent?.close();
    lock.release();
    announceEnd();
  };
  const stop = (why: string): Promise<void> => {
    if (end === null) {
      log.info({ why }, "stopping");
      say(`stopping (${why})`);
      end = finish();
    }
    return end;
  };
  const status = () => describeStack(state, options, urls);

  try {
    makeStateParts(paths, say);
    // Beforehand: when the disk is full it is too late.
    if (!(await makeReserve(paths.stateDir))) say(`little room is left below ${paths.stateDir}`);
    agent = await serveAgent(paths.socket, [
      ...supervisorRoutes({
        status,
        stop: () => {
          // While the start is under way its own failure path takes everything down.
          if (state.phase === "starting") ending.abort(stopAsked());
          else void stop("fiber down");
        },
        reload: () => reloadProbes(state, options),
        ...changeHandlers({
          stateDir: paths.stateDir,
          host: state.host,
          isUp: () => state.phase === "running",
          specsOf: (release) => specsOfRelease(release, { state, options }),
          log,
          say,
        }),
      }),
      ...readRoutes(state, options, tokens),
    ]);
    await bringUp(state, options, starting);
    starting.throwIfAborted();
  } catch (err) {
    log.error({ err }, "start failed");
    end = finish();
    await end;
    throw err;
  }
  state.phase = "running";
  keeping = keepHouse(state, options, { signal: ending.signal, tokens });
  return { status, stop, stopped };
}

/** What the API and the dashboard ask for, and still get while either is switched. */
function readRoutes(
  state: StackState,
  { config, paths, log, clock }: StackOptions,
  tokens: TokenMemory,
): readonly AgentRoute[] {
  const { stateDir } = paths;
  const hosts = [config.FIBER_API_HOST, config.FIBER_DASHBOARD_HOST];
  const anonymous = anonymousPolicy(config.FIBER_ANONYMOUS_ROLE, hosts);
  const data = () =>
    state.database === null
      ? null
      : {
          admin: urlOfDatabase(state.database.url, "postgres"),
          database: decodeURIComponent(new URL(state.database.url).pathname.slice(1)),
        };
  return runRoutes({
    ...{ stateDir, log, clock },
    readiness: () => agentReadiness({ stateDir, log, clock, data }),
    access: createReadAccess({ anonymous, tokens: tokens.roleOf }),
  });
}

const stopAsked = () => new FiberError("STOPPED", "Stopped while it was starting (fiber down).");

function alreadyRunning(holder: LockHolder, { paths, commandName }: StackOptions): FiberError {
  return new FiberError(
    "STACK_RUNNING",
    `The stack of this installation is already running: process ${holder.pid}, since ${holder.since} ` +
      `(state folder ${paths.stateDir}). See it with \`${commandName} status\`, stop it with ` +
      `\`${commandName} down\`, or give a second one its own FIBER_STATE_DIR and ports.`,
  );
}

function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
