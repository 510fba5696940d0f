import { FiberError } from "#contracts";
import type { RunPlan } from "./run-plan.js";
import type { Step } from "./step.js";

/**
 * Holds what is run to what was shown: the made steps are the plan's, in its order and of its kinds.
 *
 * @throws FiberError PLAN_UNKNOWN_STEP
 */
export function matchSteps(plan: RunPlan, steps: readonly Step[]): readonly Step[] {
  const name = ({ id, kind }: { readonly id: string; readonly kind: string }) => `${id} (${kind})`;
  const planned = plan.steps.map(name).join(", ");
  const made = steps.map(name).join(", ");
  if (planned === made) return steps;
  throw new FiberError(
    "PLAN_UNKNOWN_STEP",
    `Plan ${plan.id} has the steps ${planned || "none"}; this engine makes ${made || "none"} of it. ` +
      `Run it with the engine that planned it: ${plan.engine}.`,
  );
}
