import {
  createReleaseStore,
  listBackups,
  noProgress,
  restorableTags,
  startBackupSchedule,
  startQuarantineExpiry,
  urlOfDatabase,
} from "#rollback";
import type { Running } from "#runtime";
import { deployedTag } from "./deployed-tag.js";
import type { RoleTemplate } from "./hosted-release.js";
import { requireFreePort } from "./port-check.js";
import { requireQueuePort, startIngestLog } from "./queue-role.js";
import type { ReadyDetail } from "./role-spec.js";
import { registerTokens } from "./secrets.js";
import { startStackDatabase } from "./stack-database.js";
import { planProbes, rolesOf, specsOfRole } from "./stack-roles.js";
import type { StackOptions, StackState } from "./stack-state.js";
import { isWriterStopped } from "./writer-stop.js";

/**
 * Starts database, ingest log and then the roles of the release, in the order in which it names them, each
 * when the one before is ready. Leaves what it started in `state`, so that a failure half-way can
 * be taken down. While a run has stopped the roles that write, neither they nor the schema are
 * touched.
 */
export async function bringUp(
  state: StackState,
  options: StackOptions,
  signal: AbortSignal,
): Promise<void> {
  const { say, paths } = options;
  const writerStopped = isWriterStopped(paths.stateDir);
  if (options.rolesElsewhere === true) {
    state.database = await startStackDatabase(options, { leaveSchema: true });
    state.backups = await startBackups(options, state.database.url, () =>
      deployedTag(paths.stateDir),
    );
    return;
  }
  await requireFreePorts(options);
  state.database = await startStackDatabase(options, { leaveSchema: writerStopped });
  say(`database ready (${state.database.shown})`);
  signal.throwIfAborted();
  if (writerStopped) {
    say("a run has stopped what writes: it stays stopped until `fiber rollback resume` or `abort`");
  }
  await startIngestLog(state, options);
  signal.throwIfAborted();
  for (const template of rolesOf(state.host.release(), options.command)) {
    await startRole(template, { state, options, writerStopped });
    signal.throwIfAborted();
  }
  state.backups = await startBackups(options, state.database.url, () => state.host.release().tag);
}

/** Starts a role of the release, or holds it; "probe" stands for every planned probe. */
async function startRole(
  template: RoleTemplate,
  {
    state,
    options,
    writerStopped,
  }: {
    readonly state: StackState;
    readonly options: StackOptions;
    readonly writerStopped: boolean;
  },
): Promise<void> {
  const { host } = state;
  const specs = await specsOfRole(template, host.release(), { state, options });
  if (template.writer && writerStopped) {
    for (const spec of specs) host.hold(spec);
    return;
  }
  const said = await Promise.all(specs.map((spec) => host.start(spec)));
  if (template.name === "demo-target") await meetProbes(said[0] ?? {}, state, options);
  if (specs.length > 0) options.say(announce(template.name, specs));
}

/** The probes are planned from the demo target's ports, and the database learns their tokens. */
async function meetProbes(
  demoTarget: ReadyDetail,
  state: StackState,
  options: StackOptions,
): Promise<void> {
  state.demoTarget = demoTarget;
  await planProbes(state, options);
  if (state.tokens === null || state.database === null) return;
  // Housekeeping tells a database later whose schema is being changed now.
  if (isWriterStopped(options.paths.stateDir)) return;
  await registerTokens(state.database.pool, state.tokens);
}

function announce(role: string, specs: readonly { name: string; url?: string }[]): string {
  const shown = role === "api" ? "API" : role;
  if (role !== "probe") return [`${shown} ready`, specs[0]?.url].filter(Boolean).join(" ");
  return `${specs.length} probes started: ${specs.map((spec) => spec.name).join(", ")}`;
}

/** The schedule of backups, and the end of quarantines whose time is over. */
async function startBackups(
  options: StackOptions,
  databaseUrl: string,
  tag: () => string,
): Promise<Running> {
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
    tag,
    goodReleases: () => keptTags(paths.stateDir),
  });
  const expiry = startQuarantineExpiry(ports);
  return {
    async stop() {
      await expiry.stop();
      await schedule.stop();
    },
  };
}

/** Tags whose backups must stay, whatever their age. */
async function keptTags(stateDir: string): Promise<readonly string[]> {
  return restorableTags(await createReleaseStore(stateDir).list(), await listBackups(stateDir));
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
