import { join } from "node:path";
import { FiberError } from "#contracts";
import type { Journal } from "../../engine/journal.js";
import type { Step } from "../../engine/step.js";
import type { StepId } from "../../engine/step-catalogue.js";
import { besideStep } from "../../restore/beside-step.js";
import { carryStep } from "../../restore/carry-step.js";
import { fenceStep as restoreFence } from "../../restore/fence-step.js";
import { recoverStep } from "../../restore/recover-step.js";
import { dumpOf } from "../../restore/restore.js";
import type { RestoreContext } from "../../restore/restore-context.js";
import { switchStep } from "../../restore/switch-step.js";
import { dataPorts, makeStep, type StepBase } from "./step-base.js";

/** The context of the restore that is part of this run; its files lie in the run's own folder. */
export function restoreContext(base: StepBase): RestoreContext {
  const { facts, context } = base;
  if (facts.restore === null) {
    throw new FiberError(
      "PLAN_UNKNOWN_STEP",
      "The plan brings data back and has no restore in it.",
    );
  }
  return {
    plan: facts.restore,
    ports: dataPorts(base),
    journal: withSwapAsSwitch(context.journal),
    folder: join(context.folder, "restore"),
  };
}

/** A restore calls the swap of databases "switch"; here that is the switch of releases. */
function withSwapAsSwitch(journal: Journal): Journal {
  return { ...journal, outcome: (step) => journal.outcome(step === "switch" ? "swap" : step) };
}

/** Recovers to the restore point on a scratch server. */
export function recoverRunStep(base: StepBase): Step {
  return asStep("recover", base, recoverStep);
}

/** Restores beside the live database and compares. */
export function besideRunStep(base: StepBase): Step {
  return asStep("beside", base, (context) => besideStep(context, () => dumpOf(context)));
}

/** Carries over what was accepted since. */
export function carryRunStep(base: StepBase): Step {
  return asStep("carry", base, carryStep);
}

/** Fences ingest in the live database; the swap brings a fence along in the restored one. */
export function dataFenceStep(base: StepBase): Step {
  return asStep("fence", base, restoreFence);
}

/** Carries over the tail and swaps the databases' names. */
export function swapRunStep(base: StepBase): Step {
  return asStep("swap", base, switchStep);
}

function asStep(id: StepId, base: StepBase, make: (context: RestoreContext) => Step): Step {
  const { lasting, check, run, verify, undo } = make(restoreContext(base));
  return makeStep(id, base, {
    ...{ lasting, check, run, verify, data: "locked" },
    ...(undo === undefined ? {} : { undo }),
  });
}
