import { availableParallelism } from "node:os";
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

/** Starting Node fills a core for half a second: the other half of them stays for what serves. */
const STARTS_AT_ONCE = Math.max(1, Math.floor(availableParallelism() / 2));

/**
 * Starts several, a few at once. After a failure no further one is begun; those under way come to
 * their end, and only then it fails with the first failure: nothing goes on unseen.
 */
export async function startAll<T, R>(
  items: readonly T[],
  start: (item: T) => Promise<R>,
): Promise<readonly R[]> {
  const waiting = [...items];
  const failures: unknown[] = [];
  const results: R[] = [];
  const lane = async () => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) {
      try {
        results.push(await start(item));
      } catch (err) {
        failures.push(err);
        waiting.length = 0;
      }
    }
  };
  await Promise.all(Array.from({ length: STARTS_AT_ONCE }, lane));
  if (failures.length > 0) throw failures[0];
  return results;
}

/** The error of a switch, with how things stand now. */
export function switchFailed(tag: string, err: unknown, outcome: string): FiberError {
  const why = err instanceof Error ? err.message : String(err);
  return new FiberError("SWITCH_FAILED", `${tag} did not take over: ${why}. ${outcome}`.trim(), {
    cause: err,
  });
}
