import type { DbPool } from "#db";
import type { Clock, Logger, Running } from "#runtime";
import type { AgentConfig } from "./config.js";
import type { StatePaths } from "./paths.js";
import type { RoleHost } from "./role-host.js";
import type { RoleProcess } from "./role-process.js";
import type { HostedRelease, IngestEnv, ReadyDetail } from "./role-spec.js";
import type { PlannedProbe, ProbePlan } from "./role-specs.js";
import type { StackTokens } from "./secrets.js";
import type { StackStatus } from "./stack-status.js";

/** What the plan of the probes is made from. */
export interface ProbeFacts {
  /** What the demo target said when it was ready: its ports. */
  readonly demoTarget: ReadyDetail;
  readonly apiUrl: string;
  readonly dashboardUrl: string;
}

/** Everything the supervisor is given. */
export interface StackOptions {
  readonly config: AgentConfig;
  readonly paths: StatePaths;
  /** Program and first arguments that start `fiber`; roles of a working tree are run with it. */
  readonly command: readonly string[];
  /** What a person types to start it, for messages. */
  readonly commandName: string;
  /** What is started; a switch may run another one later. */
  readonly release: HostedRelease;
  /** The roles run on containers: the agent looks after database, backups and records only. */
  readonly rolesElsewhere?: boolean;
  readonly log: Logger;
  readonly clock: Clock;
  /** One short line for people about what happens. */
  readonly say: (line: string) => void;
  /** Decides which probes run and what they measure; asked again on reload. */
  readonly planProbes: (facts: ProbeFacts) => Promise<readonly ProbePlan[]>;
}

/** The stack's database: the embedded server, or one that FIBER_DATABASE_URL names. */
export interface StackDatabase {
  readonly url: string;
  /** The supervisor's own few connections. */
  readonly pool: DbPool;
  /** For people, without a password. */
  readonly shown: string;
  /** Starts the embedded server again when its process is gone. */
  keepAlive(): Promise<void>;
  stop(): Promise<void>;
  status(): NonNullable<StackStatus["database"]>;
}

/** What runs at the moment; changed by bring-up, reload, switches and take-down only. */
export interface StackState {
  phase: "starting" | "running" | "stopping";
  readonly startedAt: number;
  readonly host: RoleHost;
  database: StackDatabase | null;
  tokens: StackTokens | null;
  /** The local nats-server, where the ingest log has one. */
  queue: RoleProcess | null;
  /** What the roles are told about the ingest log; nothing for `direct`. */
  ingest: IngestEnv;
  /** What the demo target said in its first life. */
  demoTarget: ReadyDetail | null;
  probes: readonly PlannedProbe[];
  /** The backup schedule, once the rest is up. */
  backups: Running | null;
}
