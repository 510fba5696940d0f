import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  listBackups,
  noProgress,
  startBackupSchedule,
  startQuarantineExpiry,
  urlOfDatabase,
} from "#rollback";
import type { Running } from "#runtime";
import { requireFreePort } from "./port-check.js";
import { requireQueuePort, startIngestLog } from "./queue-role.js";
import { createRoleProcess, type ReadyDetail, type RoleSpec } from "./role-process.js";
import {
  apiRole,
  apiUrl,
  dashboardRole,
  dashboardUrl,
  demoTargetRole,
  type ProbePlan,
  probeRole,
} from "./role-specs.js";
import { loadTokens, registerTokens } from "./secrets.js";
import { startStackDatabase } from "./stack-database.js";
import type { StackOptions, StackState } from "./stack-state.js";

/**
 * Starts database, demo target, ingest log, API, dashboard and probes, in this order, each when the one before
 * is ready. Leaves what it started in `state`, so that a failure half-way can be taken down.
 */
export async function bringUp(
  state: StackState,
  options: StackOptions,
  signal: AbortSignal,
): Promise<void> {
  const { config, say, paths } = options;
  await requireFreePorts(options);
  state.database = await startStackDatabase(options);
  say(`database ready (${state.database.shown})`);
  signal.throwIfAborted();

  const demoTarget = await startRole(state, options, demoTargetRole());
  state.facts = {
    demoTarget,
    apiUrl: apiUrl(config),
    dashboardUrl: dashboardUrl(config),
  };
  const plans = await options.planProbes(state.facts);
  state.tokens = loadTokens(
    paths,
    plans.map((plan) => plan.nodeId),
  );
  await registerTokens(state.database.pool, state.tokens);
  signal.throwIfAborted();

  const { url: databaseUrl } = state.database;
  const ingest = await startIngestLog(options, databaseUrl, (spec) =>
    startRole(state, options, spec),
  );
  signal.throwIfAborted();

  const api = apiRole(config, { databaseUrl, release: options.release, ingest });
  await startRole(state, options, api);
  say(`API ready ${api.url}`);
  signal.throwIfAborted();

  const dashboard = dashboardRole(config);
  await startRole(state, options, dashboard);
  say(`dashboard ready ${dashboard.url}`);
  signal.throwIfAborted();

  await startProbes(state, options, plans);
  state.backups = await startBackups(options, state.database.url);
  say(`${plans.length} probes started: ${plans.map((plan) => plan.nodeId).join(", ")}`);
}

/** The schedule of backups, and the end of quarantines whose time is over. */
async function startBackups(options: StackOptions, databaseUrl: string): Promise<Running> {
  const { config, log, clock, paths } = options;
  const ports = {
    admin: urlOfDatabase(databaseUrl, "postgres"),
    database: decodeURIComponent(new URL(databaseUrl).pathname.slice(1)),
    stateDir: paths.stateDir,
    log,
    clock,
    progress: noProgress,
  };
  const schedule = await startBackupSchedule({
    ports,
    config,
    tag: options.release,
    // Releases and their status come with deployments; until then every tag counts as good.
    goodReleases: async () => (await listBackups(paths.stateDir)).map((backup) => backup.tag),
  });
  const expiry = startQuarantineExpiry(ports);
  return {
    async stop() {
      await expiry.stop();
      await schedule.stop();
    },
  };
}

/**
 * Plans the probes again and has those whose configuration changed read it; returns their names.
 */
export async function reloadProbes(
  state: StackState,
  options: StackOptions,
): Promise<{ readonly reloaded: readonly string[] }> {
  if (state.facts === null) return { reloaded: [] };
  const plans = await options.planProbes(state.facts);
  const changed = plans.filter((plan) => writePlan(options, plan)).map((plan) => plan.nodeId);
  for (const role of state.roles) {
    if (changed.includes(role.name)) role.reload();
  }
  return { reloaded: changed };
}

async function startProbes(
  state: StackState,
  options: StackOptions,
  plans: readonly ProbePlan[],
): Promise<void> {
  const specs = plans.flatMap((plan) => {
    writePlan(options, plan);
    const token = state.tokens?.probes.get(plan.nodeId);
    return token === undefined ? [] : [probeRole(plan, planPath(options, plan), token)];
  });
  await Promise.all(specs.map((spec) => startRole(state, options, spec)));
}

async function startRole(
  state: StackState,
  options: StackOptions,
  spec: RoleSpec,
): Promise<ReadyDetail> {
  const { command, log, clock, say, paths } = options;
  const role = createRoleProcess({ spec, command, log, clock, say, logFolder: paths.logs });
  state.roles.push(role);
  return role.start();
}

/** Checked before anything starts, so that a taken port costs nobody a half-started stack. */
async function requireFreePorts({ config }: StackOptions): Promise<void> {
  await requireFreePort({
    what: "the API",
    host: config.FIBER_API_HOST,
    port: config.FIBER_API_PORT,
    variable: "FIBER_API_PORT",
  });
  await requireFreePort({
    what: "the dashboard",
    host: config.FIBER_DASHBOARD_HOST,
    port: config.FIBER_DASHBOARD_PORT,
    variable: "FIBER_DASHBOARD_PORT",
  });
  await requireQueuePort(config);
}

const planPath = (options: StackOptions, plan: ProbePlan) =>
  join(options.paths.probes, `${plan.nodeId}.yaml`);

/** Writes a probe's configuration whole; false when it says what it said before. */
function writePlan(options: StackOptions, plan: ProbePlan): boolean {
  const path = planPath(options, plan);
  mkdirSync(options.paths.probes, { recursive: true });
  if (readIfThere(path) === plan.config) return false;
  writeFileSync(`${path}.new`, plan.config);
  renameSync(`${path}.new`, path);
  return true;
}

function readIfThere(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw err;
  }
}
