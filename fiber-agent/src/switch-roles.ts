import type { SwitchResult } from "#rollback";
import type { RoleProcess } from "./role-process.js";
import type { RoleSpec } from "./role-spec.js";
import {
  isStopped,
  type SwitchDeps,
  startAll,
  switchFailed,
  type WantedRelease,
} from "./switch-parts.js";
import { takeBack } from "./take-back.js";
import { warmBeside } from "./warm-beside.js";

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
  const warmed = await warmBeside(wanted, due, { ...deps, notes });
  const ends: Promise<void>[] = [];
  let gapMs: number | null = null;
  try {
    for (const group of groupsOf(due)) {
      const gaps = await startAll(group, (spec) =>
        takeOver(spec, { ...deps, before, warmed, ends }),
      );
      for (const gap of gaps) if (gap !== null) gapMs = Math.max(gapMs ?? 0, gap);
    }
    await wanted.commit();
  } catch (err) {
    await Promise.all([...warmed.values()].map((role) => role.stop()));
    await Promise.all(ends);
    const back = deps.signal.aborted ? "" : await takeBack({ before, held, due }, deps);
    throw switchFailed(release.tag, err, back);
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

/** One deferred role after the other; restarted roles that follow each other together. */
function groupsOf(specs: readonly RoleSpec[]): readonly (readonly RoleSpec[])[] {
  const groups: RoleSpec[][] = [];
  for (const spec of specs) {
    const last = groups.at(-1);
    if (spec.switch === "restart" && last?.[0]?.switch === "restart") last.push(spec);
    else groups.push([spec]);
  }
  return groups;
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
