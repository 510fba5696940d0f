import { FiberError } from "#contracts";
import type { Artefact } from "../../drivers/deploy-driver.js";
import type { Step } from "../../engine/step.js";
import { makeStep, type StepBase, targetArtefact } from "./step-base.js";

/** Makes the target the release that runs, and records that it is live. */
export function switchStep(base: StepBase): Step {
  const { facts, world } = base;
  const { tag } = facts.target;
  const isRunning = async () => {
    const { release, digest, roles, reachable } = await world.driver.running();
    const all = roles.every((role) => role.state === "running" && isOf(role.release, tag));
    const wanted = (await world.driver.find(tag))?.digest;
    return reachable && release === tag && wanted !== undefined && digest === wanted && all;
  };
  return makeStep("switch", base, {
    async check() {
      if (!(await isRunning())) return { state: "needed" };
      await markLive(base);
      return { state: "done", detail: { gapMs: null, notes: [`${tag} runs already`] } };
    },
    async run() {
      const artefact = await targetArtefact(base);
      const { gapMs, notes } = await world.driver.switchTo(artefact, { overlap: facts.overlap });
      await markLive(base);
      return { gapMs, notes };
    },
    async verify() {
      const { release, reachable } = await world.driver.running();
      if (reachable && release === tag) return;
      throw new FiberError(
        "SWITCH_FAILED",
        `${release ?? "Nothing"} runs and should be ${tag}. See fiber status and fiber logs, then: ` +
          "fiber rollback resume",
      );
    },
    // A working tree is no release: there is nothing to switch back to, and the plan says so.
    ...(facts.from.artefact === null ? {} : { undo: () => switchBack(base, facts.from.artefact) }),
  });
}

async function switchBack(base: StepBase, artefact: Artefact | null): Promise<void> {
  const { facts, world, context } = base;
  const { status } = facts.from;
  if (artefact === null) return;
  await world.driver.switchTo(artefact, { overlap: facts.overlap });
  if (status !== null) {
    const why = `run ${context.plan.id} was taken back`;
    await mark(base, artefact.tag, { status: "live", why });
    if (status !== "live") await mark(base, artefact.tag, { status, why });
  }
}

/** Roles that are no part of a release (a demo target) count with any. */
function isOf(release: string | null, tag: string): boolean {
  return release === null || release === tag;
}

async function markLive(base: StepBase): Promise<void> {
  const { facts, world, context } = base;
  const { tag } = facts.target;
  const record = await world.store.read(tag);
  // A resumed run finds it live, or judged, since this very run switched to it.
  if (record?.status === "live") return;
  await mark(base, tag, { status: "live", why: `run ${context.plan.id}` });
}

/** Gives a release a status at the run's own time. */
export async function mark(
  { world, context }: StepBase,
  tag: string,
  to: { readonly status: "live" | "good" | "bad" | "candidate"; readonly why: string },
): Promise<void> {
  await world.store.mark(tag, { ...to, now: context.clock.now() });
}
