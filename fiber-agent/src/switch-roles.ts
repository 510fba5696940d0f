import { FiberError } from "#contracts";
import type { SwitchResult } from "#rollback";
import type { Logger } from "#runtime";
import type { WantedRelease } from "./role-host.js";
import type { RoleProcess } from "./role-process.js";
import type { RoleSpec } from "./role-spec.js";

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

/**
 * Runs the wanted release's roles in place of those that run. First every role that can is warmed
 * beside its predecessor: until then nothing was changed, and a release that cannot start changes
 * nothing. Then one role after the other takes over, in order. A role that fails then has those
 * before it taken back.
 *
 * @throws FiberError SWITCH_FAILED
 */
export async function switchRoles(wanted: WantedRelease, deps: SwitchDeps): Promise<SwitchResult> {
  const { release, specs } = wanted;
  const before = new Map(deps.roles);
  const held = new Set([...before.values()].filter(isStopped).map((role) => role.name));
  const due = specs.filter((spec) => !runsAlready(before.get(spec.name), wanted));
  const superfluous = [...before.values()].filter(
    (role) => !specs.some((spec) => spec.name === role.name),
  );
  const notes: string[] = [];
  const warmed = await warmUp(wanted, due, { ...deps, notes });
  const ends: Promise<void>[] = [];
  let gapMs: number | null = null;
  try {
    for (const group of groupsOf(due)) {
      const gaps = await allOf(group, (spec) => takeOver(spec, { ...deps, before, warmed, ends }));
      for (const gap of gaps) if (gap !== null) gapMs = Math.max(gapMs ?? 0, gap);
    }
    await wanted.commit();
  } catch (err) {
    await Promise.all([...warmed.values()].map((role) => role.stop()));
    await Promise.all(ends);
    const back = deps.signal.aborted ? "" : await takeBack({ before, held, due }, deps);
    throw failed(release.tag, err, back);
  }
  await Promise.all([...ends, ...superfluous.map((role) => role.stop())]);
  for (const role of superfluous) deps.roles.delete(role.name);
  return { gapMs: gapMs === null ? null : Math.round(gapMs), notes };
}

function runsAlready(role: RoleProcess | undefined, { release }: WantedRelease): boolean {
  if (role?.release.tag !== release.tag || role.release.digest !== release.digest) return false;
  const { state } = role.status();
  return state === "running" || state === "starting";
}

const isStopped = (role: RoleProcess): boolean => role.status().state === "stopped";

/** One deferred role after the other; restarted roles that follow each other at once. */
function groupsOf(specs: readonly RoleSpec[]): readonly (readonly RoleSpec[])[] {
  const groups: RoleSpec[][] = [];
  for (const spec of specs) {
    const last = groups.at(-1);
    if (spec.switch === "restart" && last?.[0]?.switch === "restart") last.push(spec);
    else groups.push([spec]);
  }
  return groups;
}

/** Does all to the end, and only then fails with the first failure: nothing goes on unseen. */
async function allOf<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const outcomes = await Promise.allSettled(items.map(work));
  return outcomes.map((outcome) => {
    if (outcome.status === "rejected") throw outcome.reason;
    return outcome.value;
  });
}

/** Warms what can be warm beside its predecessor. @throws FiberError SWITCH_FAILED, nothing changed */
async function warmUp(
  wanted: WantedRelease,
  due: readonly RoleSpec[],
  deps: SwitchDeps & { readonly notes: string[] },
): Promise<ReadonlyMap<string, RoleProcess>> {
  const warmed = new Map<string, RoleProcess>();
  const mayBeside = (spec: RoleSpec): boolean => {
    const old = deps.roles.get(spec.name);
    const serves = old !== undefined && !isStopped(old);
    return serves && spec.switch === "deferred" && (wanted.overlap || !spec.writer);
  };
  const giveUp = () => {
    for (const role of warmed.values()) void role.stop();
  };
  deps.signal.addEventListener("abort", giveUp, { once: true });
  try {
    await allOf(due.filter(mayBeside), async (spec) => {
      const next = deps.make(spec);
      warmed.set(spec.name, next);
      deps.signal.throwIfAborted();
      if ((await next.warm()) === "warm") return;
      warmed.delete(spec.name);
      await next.stop();
      deps.notes.push(
        `${spec.name} of ${wanted.release.tag} does not know deferred listen: the one before it stops first`,
      );
    });
    const lost = [...warmed.values()].find((role) => !role.isWarm());
    if (lost !== undefined) {
      throw new FiberError("ROLE_FAILED", `${lost.name} ended while the others warmed up`);
    }
    return warmed;
  } catch (err) {
    await Promise.all([...warmed.values()].map((role) => role.stop()));
    throw failed(wanted.release.tag, err, `${deps.from} was left as it is.`);
  } finally {
    deps.signal.removeEventListener("abort", giveUp);
  }
}

/** Replaces one role; how long its address was unserved at most, ms, null without one or when down. */
async function takeOver(
  spec: RoleSpec,
  deps: SwitchDeps & {
    readonly before: ReadonlyMap<string, RoleProcess>;
    readonly warmed: ReadonlyMap<string, RoleProcess>;
    readonly ends: Promise<void>[];
  },
): Promise<number | null> {
  deps.signal.throwIfAborted();
  const old = deps.before.get(spec.name);
  const served = old !== undefined && !isStopped(old);
  const warm = deps.warmed.get(spec.name);
  const next = warm ?? deps.make(spec);
  const startedAt = performance.now();
  deps.roles.set(spec.name, next);
  if (warm === undefined) {
    await old?.stop();
    await started(next.start(), next, deps.signal);
  } else {
    // The old one lets its port go at once, and finishes what is in flight meanwhile.
    const going = next.go();
    if (old !== undefined) deps.ends.push(old.stop());
    await started(going, next, deps.signal);
  }
  return served && spec.switch === "deferred" ? performance.now() - startedAt : null;
}

/** Waits for a role to be ready, and not longer than the switch is wanted. */
async function started(
  ready: Promise<unknown>,
  role: RoleProcess,
  signal: AbortSignal,
): Promise<void> {
  const giveUp = () => void role.stop();
  signal.addEventListener("abort", giveUp, { once: true });
  try {
    await ready;
  } finally {
    signal.removeEventListener("abort", giveUp);
  }
}

/** Starts what ran before in place of what replaced it; what was stopped before stays stopped. */
async function takeBack(
  {
    before,
    held,
    due,
  }: {
    readonly before: ReadonlyMap<string, RoleProcess>;
    readonly held: ReadonlySet<string>;
    readonly due: readonly RoleSpec[];
  },
  { roles, remake, from, log, say }: SwitchDeps,
): Promise<string> {
  const down: string[] = [];
  for (const { name } of due) {
    const old = before.get(name);
    const now = roles.get(name);
    if (now === undefined || now === old) continue;
    await now.stop();
    if (old === undefined) {
      roles.delete(name);
      continue;
    }
    const again = remake(old);
    roles.set(name, again);
    if (held.has(name)) continue;
    await again.insist().catch((err: Error) => {
      log.error({ err, role: name }, "role of the release before did not start again");
      down.push(name);
    });
  }
  const verdict =
    down.length === 0
      ? `${from} runs again.`
      : `${from} is started again; ${down.join(", ")} did not come up at once and is tried further.`;
  say(`switch taken back: ${verdict}`);
  return verdict;
}

function failed(tag: string, err: unknown, outcome: string): FiberError {
  const why = err instanceof Error ? err.message : String(err);
  return new FiberError("SWITCH_FAILED", `${tag} did not take over: ${why}. ${outcome}`.trim(), {
    cause: err,
  });
}
