import type { Clock, Logger } from "#runtime";
import type { DeployDriver } from "../drivers/deploy-driver.js";
import type { RunContext } from "../engine/run-context.js";
import type { StepDetail } from "../engine/step.js";
import type { Git } from "../git/run-git.js";
import type { DataPorts } from "../ports.js";
import type { Project } from "../project/project-file.js";
import type { ReleaseStore } from "../releases/release-store.js";

/** Opens the incident of a run and tells people. May fail: a run never does for it. */
export type RunReporter = (
  about: Pick<RunContext, "plan" | "clock" | "signal">,
) => Promise<StepDetail>;

/** What plans of releases are gathered from, and what their steps work on. */
export interface ReleaseWorld {
  readonly stateDir: string;
  /** The clone that is released. */
  readonly git: Git;
  /** Its checked-out fiber.yaml; releases have their own. */
  readonly project: Project;
  readonly driver: DeployDriver;
  readonly store: ReleaseStore;
  /** Null for a project without a database. */
  readonly data: DataPorts | null;
  /** What verification and smoke tests are told: FIBER_API_URL, FIBER_DASHBOARD_URL … */
  readonly env: Readonly<Record<string, string>>;
  /** A token that may read the API; null: verification reads as anonymous. */
  readonly token: () => Promise<string | null>;
  readonly report: RunReporter;
  /** Who acts: "ama@ops-1". */
  readonly operator: string;
  readonly host: string;
  readonly log: Logger;
  readonly clock: Clock;
}
