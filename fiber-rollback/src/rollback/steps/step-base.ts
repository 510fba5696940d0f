import { FiberError } from "#contracts";
import type { Artefact } from "../../drivers/deploy-driver.js";
import type { RunContext } from "../../engine/run-context.js";
import type { Step } from "../../engine/step.js";
import type { StepId } from "../../engine/step-catalogue.js";
import type { DataPorts } from "../../ports.js";
import { kindOf } from "../plan-steps.js";
import type { ReleaseWorld } from "../release-world.js";
import type { RunFacts } from "../run-facts.js";

/** What every step of a deploy or a rollback works with. */
export interface StepBase {
  readonly context: RunContext;
  readonly facts: RunFacts;
  readonly world: ReleaseWorld;
}

/** What makes a step itself; the rest comes from its plan. */
type StepBody = Pick<Step, "run"> &
  Partial<Pick<Step, "lasting" | "data" | "check" | "verify" | "undo">>;

/** A step with its title and kind from the plan; lasting, needed and without a check unless said otherwise. */
export function makeStep(id: StepId, { context }: StepBase, body: StepBody): Step {
  return {
    id,
    title: context.plan.steps.find((step) => step.id === id)?.title ?? id,
    kind: kindOf(id),
    lasting: true,
    check: async () => ({ state: "needed" }),
    verify: async () => {},
    ...body,
  };
}

/** Ports on the database with the run's own progress and signal. */
export function dataPorts({ world, context }: StepBase): DataPorts {
  if (world.data === null) {
    throw new FiberError(
      "DATABASE_UNAVAILABLE",
      "This step needs the database, and none is known. Start the stack (fiber up), or set " +
        "FIBER_DATABASE_URL.",
    );
  }
  const { progress, signal, log, clock } = context;
  return { ...world.data, progress, signal, log, clock };
}

/** Who raised a run's fence: shared by a deploy and its way back. */
export function fenceOwner({ context }: StepBase): string {
  return `fiber run ${context.plan.id}`;
}

/** The artefact that the step `artefact` found or built. */
export async function targetArtefact({ facts, world, context }: StepBase): Promise<Artefact> {
  const digest = facts.target.digest ?? context.journal.outcome("artefact")?.digest;
  const found = await world.driver.find(facts.target.tag);
  if (found !== null && found.digest === digest) return found;
  throw new FiberError(
    "ARTEFACT_GONE",
    `What ${facts.target.tag} was built into is gone or was changed while the run was under way. ` +
      `Remove ${found?.ref ?? "its folder"} and go on with: fiber rollback resume`,
  );
}

/** When a step was done, epoch ms; null while it is not. */
export function doneAtMs({ context }: StepBase, id: StepId): number | null {
  const line = context.journal.lines().findLast((one) => one.event === "done" && one.step === id);
  return line === undefined ? null : Date.parse(line.at);
}
