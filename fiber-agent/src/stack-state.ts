import type { DbPool } from "#db";
import type { Clock, Logger, Running } from "#runtime";
import type { AgentConfig } from "./config.js";
import type { StatePaths } from "./paths.js";
import type { ReadyDetail, RoleProcess } from "./role-process.js";
import type { ProbePlan } from "./role-specs.js";
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
  /** Program and first arguments that start `fiber`; roles are run with it. */
  readonly command: readonly string[];
  /** What a person types to start it, for messages. */
  readonly commandName: string;
  readonly release: string;
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

/** What runs at the moment; changed by bring-up, reload and take-down only. */
export interface StackState {
  phase: "starting" | "running" | "stopping";
  readonly startedAt: number;
  /** In the order in which they were started. */
  readonly roles: RoleProcess[];
  database: StackDatabase | null;
  tokens: StackTokens | null;
  facts: ProbeFacts | null;
  /** The backup schedule, once the rest is up. */
  backups: Running | null;
}
