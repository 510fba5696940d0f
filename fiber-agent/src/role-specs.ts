import type { AgentConfig } from "./config.js";
import type { RoleTemplate } from "./hosted-release.js";
import type { IngestEnv, ReadyDetail, RoleSpec } from "./role-spec.js";

/** A probe of the stack: its node and the text of its configuration file (YAML). */
export interface ProbePlan {
  readonly nodeId: string;
  readonly config: string;
}

/** A probe that is to run: its plan, where that was written, and its token. */
export interface PlannedProbe extends ProbePlan {
  readonly configPath: string;
  readonly token: string;
}

/** What the roles of the stack are told of each other. */
export interface StackFacts {
  readonly config: AgentConfig;
  readonly stateDir: string;
  readonly socket: string;
  readonly databaseUrl: string;
  readonly ingest: IngestEnv;
  readonly release: string;
  /** Newer revisions of the schema that the release was proved to work with. */
  readonly compatibleWith: readonly string[];
  /** What the demo target said in its first life; null before. */
  readonly demoTarget: ReadyDetail | null;
  readonly probes: readonly PlannedProbe[];
}

/** Variables that would give all three probes the same name; meant for a probe of its own. */
const NO_OVERRIDES = {
  FIBER_PROBE_NODE_ID: "",
  FIBER_PROBE_COUNTRY: "",
  FIBER_PROBE_REGION: "",
  FIBER_PROBE_INTERVAL: "",
  FIBER_PROBE_UPLINKS: "",
  FIBER_PROBE_SPOOL: "",
} as const;

/** How roles of this machine reach the API. */
export function apiUrl(config: AgentConfig, port = config.FIBER_API_PORT): string {
  return `http://${reachable(config.FIBER_API_HOST)}:${port}`;
}

/** How roles of this machine reach the dashboard. */
export function dashboardUrl(config: AgentConfig, port = config.FIBER_DASHBOARD_PORT): string {
  return `http://${reachable(config.FIBER_DASHBOARD_HOST)}:${port}`;
}

/** What people type to reach API and dashboard. */
export function shownUrls(config: AgentConfig): {
  readonly api: string;
  readonly dashboard: string;
} {
  return {
    api: shownUrl(config.FIBER_API_HOST, config.FIBER_API_PORT),
    dashboard: shownUrl(config.FIBER_DASHBOARD_HOST, config.FIBER_DASHBOARD_PORT),
  };
}

/** The roles of a working tree, run with the command that runs us. */
export function treeTemplates(command: readonly string[]): readonly RoleTemplate[] {
  const role = (name: string, how: Pick<RoleTemplate, "switch" | "writer">): RoleTemplate => ({
    name,
    command: [...command, name],
    env: {},
    startMs: 60_000,
    ...how,
  });
  return [
    role("demo-target", { switch: "deferred", writer: false }),
    role("etl", { switch: "restart", writer: true }),
    role("api", { switch: "deferred", writer: true }),
    role("dashboard", { switch: "deferred", writer: false }),
    role("probe", { switch: "restart", writer: false }),
  ];
}

/**
 * What is started for one role of a release: the role with its surroundings, for "probe" one a
 * planned probe. A role that this supervisor knows nothing special of gets what all get.
 */
export function stackSpecs(template: RoleTemplate, facts: StackFacts): readonly RoleSpec[] {
  const env = { ...template.env, ...commonEnv(facts) };
  const { config } = facts;
  const urls = shownUrls(config);
  switch (template.name) {
    case "demo-target":
      return [{ ...template, env: { ...env, ...portsOf(facts.demoTarget) }, laterEnv: portsOf }];
    case "api":
      return [{ ...template, env: { ...env, ...apiEnv(facts) }, url: urls.api }];
    // With the ingest log `direct` the writer runs inside the API.
    case "etl":
      return facts.ingest.FIBER_INGEST_LOG === undefined
        ? []
        : [
            {
              ...template,
              env: { ...env, ...facts.ingest, FIBER_DATABASE_URL: facts.databaseUrl },
            },
          ];
    case "dashboard":
      return [{ ...template, env: { ...env, ...dashboardEnv(config) }, url: urls.dashboard }];
    case "probe":
      return facts.probes.map((probe) => ({
        ...template,
        name: probe.nodeId,
        env: { ...env, ...probeEnv(probe) },
      }));
    default:
      return [{ ...template, env: { ...env, ...apiEnv(facts), FIBER_API_URL: apiUrl(config) } }];
  }
}

/** Every role finds the same state folder, which a released tree could not guess. */
function commonEnv({ stateDir, socket, release }: StackFacts): Record<string, string> {
  return { FIBER_STATE_DIR: stateDir, FIBER_AGENT_SOCKET: socket, FIBER_RELEASE: release };
}

/** The system chooses the demo target's ports once, and a restart or another release keeps them. */
function portsOf(first: ReadyDetail | null): Record<string, string> {
  return first === null ? {} : { FIBER_DEMO_TARGET_PORTS: String(first.ports ?? "") };
}

/** With the ingest log `direct` the API has the writer in its process. */
function apiEnv({
  config,
  databaseUrl,
  ingest,
  compatibleWith,
}: StackFacts): Record<string, string> {
  return {
    FIBER_API_HOST: config.FIBER_API_HOST,
    FIBER_API_PORT: String(config.FIBER_API_PORT),
    FIBER_DASHBOARD_HOST: config.FIBER_DASHBOARD_HOST,
    FIBER_DATABASE_URL: databaseUrl,
    ...ingest,
    FIBER_SCHEMA_COMPATIBLE: compatibleWith.join(","),
  };
}

function dashboardEnv(config: AgentConfig): Record<string, string> {
  return {
    FIBER_DASHBOARD_HOST: config.FIBER_DASHBOARD_HOST,
    FIBER_DASHBOARD_PORT: String(config.FIBER_DASHBOARD_PORT),
    FIBER_API_URL: apiUrl(config),
  };
}

function probeEnv({ configPath, token }: PlannedProbe): Record<string, string> {
  return { ...NO_OVERRIDES, FIBER_PROBE_CONFIG: configPath, FIBER_PROBE_TOKEN: token };
}

/** What people type: localhost for everything that listens on this machine's loopback. */
function shownUrl(host: string, port: number): string {
  const reach = reachable(host);
  return `http://${reach === "127.0.0.1" || reach === "[::1]" ? "localhost" : reach}:${port}`;
}

function reachable(host: string): string {
  if (host === "0.0.0.0" || host === "") return "127.0.0.1";
  if (host === "::") return "[::1]";
  return host.includes(":") ? `[${host}]` : host;
}
