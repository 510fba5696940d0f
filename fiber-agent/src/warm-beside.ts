import { FiberError } from "#contracts";
import type { RoleProcess } from "./role-process.js";
import type { RoleSpec } from "./role-spec.js";
import {
  isStopped,
  type SwitchDeps,
  startAll,
  switchFailed,
  type WantedRelease,
} from "./switch-parts.js";

/** Warms what can be warm beside its predecessor. @throws FiberError SWITCH_FAILED, nothing changed */
export async function warmBeside(
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
    await startAll(due.filter(mayBeside), async (spec) => {
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
    throw switchFailed(wanted.release.tag, err, `${deps.from} was left as it is.`);
  } finally {
    deps.signal.removeEventListener("abort", giveUp);
  }
}
