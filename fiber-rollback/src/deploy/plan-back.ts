import { FiberError } from "#contracts";
import type { RunContext, RunFailure } from "../engine/run-context.js";
import type { RunPlan } from "../engine/run-plan.js";
import { readSource } from "../rollback/find-source.js";
import { gatherHead } from "../rollback/gather-head.js";
import { gatherTakeBack } from "../rollback/gather-rollback.js";
import { planRollback } from "../rollback/plan-rollback.js";
import type { ReleaseWorld } from "../rollback/release-world.js";
import { runFactsSchema } from "../rollback/run-facts.js";
import { ownFence } from "../rollback/steps/fence-steps.js";
import { beforeSchema } from "../verify/verify-context.js";

/** Steps that users notice: once one was begun, undoing is not enough, and the way back is verified. */
const NOTICED: readonly string[] = ["stop-writer", "migrate", "switch"];

/** A step that was found done has no intent. */
const BEGUN: readonly string[] = ["intent", "done"];

/**
 * Plans how a deploy that failed takes itself back: to the release that ran before, by the least
 * destructive level that brings it back whole. Null where undoing what was done is enough, and
 * where there is no release to go back to: then the failed one is recorded as bad.
 *
 * @throws FiberError when no level can bring it back
 */
export async function planBack(
  world: ReleaseWorld,
  context: RunContext,
  failure: RunFailure,
): Promise<RunPlan | null> {
  const { plan, journal } = context;
  const facts = runFactsSchema.parse(plan.facts);
  const { artefact } = facts.from;
  const begun = journal
    .lines()
    .some((line) => BEGUN.includes(line.event) && "step" in line && NOTICED.includes(line.step));
  if (plan.kind !== "deploy" || !begun) return null;
  const why = `run ${plan.id} failed at ${failure.step}: ${failure.message}`;
  if (artefact === null) {
    const { tag } = facts.target;
    await world.store.mark(tag, { status: "bad", why, now: context.clock.now() });
    return null;
  }
  const damage = failure.code === "DATA_DESTROYED" ? failure.message : null;
  const fence = await fenceStands(world, context);
  const point = journal.outcome("restore-point");
  const rollback = await gatherTakeBack(world, {
    to: artefact.tag,
    run: plan.id,
    head: {
      ...(await gatherHead(world, "rollback", `${failure.step}: ${failure.message}`)),
      id: plan.id,
    },
    damage,
    source: readSource(point?.source),
    // Exactly as it was, when nobody could write between the point and now.
    carry: !(fence !== null && point?.fence === fence && journal.outcome("lift") === null),
  });
  const before = beforeSchema.safeParse(journal.outcome("preflight")?.before);
  const planned = planRollback({
    ...rollback,
    before: before.success ? before.data : null,
    failed: { tag: facts.target.tag, why },
    liftsFence: journal.outcome("lift") === null && facts.up !== null,
  });
  if (planned.kind === "planned") return planned.plan;
  throw new FiberError(planned.code, planned.why);
}

/** When the run's own fence ends; null when it does not stand. */
async function fenceStands(world: ReleaseWorld, context: RunContext): Promise<number | null> {
  const facts = runFactsSchema.parse(context.plan.facts);
  if (world.data === null || facts.up === null) return null;
  return (await ownFence({ world, context, facts }))?.expiresMs ?? null;
}
