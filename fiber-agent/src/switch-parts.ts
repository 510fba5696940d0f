import { FiberError } from "#contracts";
import type { Logger } from "#runtime";
import type { RoleProcess } from "./role-process.js";
import type { HostedRelease, RoleSpec } from "./role-spec.js";

/** What to switch to. */
export interface WantedRelease {
  readonly release: HostedRelease;
  readonly specs: readonly RoleSpec[];
  /** False: roles that write stop before their successors start. */
  readonly overlap: boolean;
  /** Called when every role runs, before the switch counts. */
  readonly commit: () => Promise<void>;
}

/** What a switch works on. */
export interface SwitchDeps {
  /** The roles by name; changed by the switch. */
  readonly roles: Map<string, RoleProcess>;
  /** Makes a role of the wanted release. */
  readonly make: (spec: RoleSpec) => RoleProcess;
  /** Makes a role anew as it was. */
  readonly remake: (role: RoleProcess) => RoleProcess;
  /** The tag that runs. */
  readonly from: string;
  /** Gives the switch up. */
  readonly signal: AbortSignal;
  readonly log: Logger;
  readonly say: (line: string) => void;
}

/** Whether a role was stopped on purpose, or never started. */
export const isStopped = (role: RoleProcess): boolean => role.status().state === "stopped";

/** Does all to the end, and only then fails with the first failure: nothing goes on unseen. */
export async function allOf<T, R>(
  items: readonly T[],
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const outcomes = await Promise.allSettled(items.map(work));
  return outcomes.map((outcome) => {
    if (outcome.status === "rejected") throw outcome.reason;
    return outcome.value;
  });
}

/** The error of a switch, with how things stand now. */
export function switchFailed(tag: string, err: unknown, outcome: string): FiberError {
  const why = err instanceof Error ? err.message : String(err);
  return new FiberError("SWITCH_FAILED", `${tag} did not take over: ${why}. ${outcome}`.trim(), {
    cause: err,
  });
}
