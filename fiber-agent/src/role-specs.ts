import type { AgentConfig } from "./config.js";
import type { RoleSpec } from "./role-process.js";

/** A probe of the stack: its node and the text of its configuration file (YAML). */
export interface ProbePlan {
  readonly nodeId: string;
  readonly config: string;
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

/** The demo's target server; the system chooses its ports once, and a restart keeps them. */
export function demoTargetRole(): RoleSpec {
  return {
    name: "demo-target",
    args: ["demo-target"],
    env: {},
    laterEnv: (first) => ({ FIBER_DEMO_TARGET_PORTS: String(first.ports ?? "") }),
  };
}

/** The API, told by `ingest` which ingest log it has. */
export function apiRole(
  config: AgentConfig,
  facts: {
    databaseUrl: string;
    release: string;
    ingest?: Readonly<Record<string, string>>;
  },
): RoleSpec {
  return {
    name: "api",
    args: ["api"],
    env: {
      FIBER_API_HOST: config.FIBER_API_HOST,
      FIBER_API_PORT: String(config.FIBER_API_PORT),
      FIBER_DASHBOARD_HOST: config.FIBER_DASHBOARD_HOST,
      FIBER_DATABASE_URL: facts.databaseUrl,
      FIBER_RELEASE: facts.release,
      ...facts.ingest,
    },
    url: shownUrl(config.FIBER_API_HOST, config.FIBER_API_PORT),
  };
}

/** The server of the dashboard's page. */
export function dashboardRole(config: AgentConfig): RoleSpec {
  return {
    name: "dashboard",
    args: ["dashboard"],
    env: {
      FIBER_DASHBOARD_HOST: config.FIBER_DASHBOARD_HOST,
      FIBER_DASHBOARD_PORT: String(config.FIBER_DASHBOARD_PORT),
      FIBER_API_URL: apiUrl(config),
    },
    url: shownUrl(config.FIBER_DASHBOARD_HOST, config.FIBER_DASHBOARD_PORT),
  };
}

/** A probe with its configuration file and token. */
export function probeRole(plan: ProbePlan, configPath: string, token: string): RoleSpec {
  return {
    name: plan.nodeId,
    args: ["probe"],
    env: { ...NO_OVERRIDES, FIBER_PROBE_CONFIG: configPath, FIBER_PROBE_TOKEN: token },
  };
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
