import { FiberError } from "#contracts";
import type { SwitchResult } from "#rollback";
import type { Clock, Logger } from "#runtime";
import { createRoleProcess, type RoleProcess, type RoleStatus } from "./role-process.js";
import type { HostedRelease, ReadyDetail, RoleSpec } from "./role-spec.js";
import type { WantedRelease } from "./switch-parts.js";
import { switchRoles } from "./switch-roles.js";

/** Runs the roles of one release at a time, keeps them up, and switches to another release. */
export interface RoleHost {
  /** What runs, and what a role that ended by itself is started from. */
  release(): HostedRelease;
  /** In the order in which they were started. */
  roles(): readonly RoleProcess[];
  /** Starts a role of the current release. @throws FiberError when it cannot start */
  start(spec: RoleSpec): Promise<ReadyDetail>;
  /** Makes a role known without starting it: it is held until a switch. */
  hold(spec: RoleSpec): void;
  /**
   * Runs other roles in place of these; one switch at a time. Roles that run the wanted release
   * already are left alone.
   *
   * @throws FiberError SWITCH_FAILED; the release from before runs then
   */
  switchTo(wanted: WantedRelease): Promise<SwitchResult>;
  /** Stops the roles that write, until a switch or `startWriters`; returns their names. */
  stopWriters(): Promise<readonly string[]>;
  /** Starts roles again that were stopped or held. */
  startWriters(): Promise<readonly string[]>;
  /** Stops the roles that match, all at once; a failing one is reported by `failed`. */
  stop(
    matches: (name: string) => boolean,
    failed: (name: string, err: Error) => void,
  ): Promise<void>;
  /** No more switches; one that is under way is given up. Before `stop`, at the end. */
  close(): Promise<void>;
  status(): readonly RoleStatus[];
}

/** What a host needs from its surroundings. */
export interface RoleHostOptions {
  readonly release: HostedRelease;
  readonly logFolder: string;
  readonly log: Logger;
  readonly clock: Clock;
  readonly say: (line: string) => void;
}

/** Makes a host without roles. */
export function createRoleHost(options: RoleHostOptions): RoleHost {
  let release = options.release;
  const roles = new Map<string, RoleProcess>();
  const ending = new AbortController();
  let work: Promise<unknown> = Promise.resolve();

  const make = (spec: RoleSpec, of: HostedRelease): RoleProcess =>
    createRoleProcess({ ...options, spec, release: of });
  /** One change of the roles at a time, in the order in which they were asked for. */
  const inTurn = <T>(change: () => Promise<T>): Promise<T> => {
    const turn = work.then(() => {
      if (ending.signal.aborted) throw stopping();
      return change();
    });
    work = turn.catch(() => undefined);
    return turn;
  };
  const place = (role: RoleProcess): RoleProcess => {
    roles.set(role.name, role);
    return role;
  };

  return {
    release: () => release,
    roles: () => [...roles.values()],
    start: (spec) => place(make(spec, release)).start(),
    hold: (spec) => void place(make(spec, release)),
    switchTo: (wanted) =>
      inTurn(async () => {
        const { log, say } = options;
        const result = await switchRoles(wanted, {
          roles,
          make: (spec) => make(spec, wanted.release),
          remake: (role) => make(role.spec, role.release),
          from: release.tag,
          signal: ending.signal,
          log,
          say,
        });
        release = wanted.release;
        return result;
      }),
    stopWriters: () =>
      inTurn(async () => {
        const writers = [...roles.values()].filter((role) => role.spec.writer);
        await Promise.all(writers.map((role) => role.stop()));
        return writers.map((role) => role.name);
      }),
    startWriters: () =>
      inTurn(async () => {
        const stopped = [...roles.values()].filter((role) => role.status().state === "stopped");
        for (const role of stopped) await place(make(role.spec, role.release)).insist();
        return stopped.map((role) => role.name);
      }),
    async stop(matches, failed) {
      const doomed = [...roles.values()].filter((role) => matches(role.name));
      await Promise.all(
        doomed.map((role) => role.stop().catch((err: Error) => failed(role.name, err))),
      );
    },
    async close() {
      ending.abort();
      await work;
    },
    status: () => [...roles.values()].map((role) => role.status()),
  };
}

const stopping = () => new FiberError("STOPPED", "The supervisor is stopping.");
